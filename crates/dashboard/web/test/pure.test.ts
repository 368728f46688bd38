// What the page works out by itself: ranges, buckets, words. `npm test` builds this and runs it under node's own runner.

import assert from "node:assert/strict";
import { test } from "node:test";
import { coverageLine, loweredBy } from "../src/coverage";
import { degradedLine } from "../src/degraded";
import { type Answer, ApiError, type Filter, type Me, type Metric, type Site, type Told, onTokenInFragment, query, takeTokenFromFragment } from "../src/api";
import { beforeIn, queryCompared } from "../src/compared";
import { FILE_ROWS_MAX, type Page, columnsOf, csv, json, notesOf, pageAfter, wholeList } from "../src/export";
import { axisLabel, bucketLabel, clockTime, countryName, duration, inFull, languageName, metricValue, payIn, sized, vitalValue } from "../src/format";
import { fill, learn, preferred, speak, t } from "../src/i18n";
import { en } from "../src/words/en";
import { late } from "../src/words/en-late";
import { ja } from "../src/words/ja";
import { areComparable, clocks, sitesSheet, tellSites } from "../src/all-sites";
import { wholeLog } from "../src/audit-log";
import { tellSegment } from "../src/define";
import { readAction, tellGoal } from "../src/definitions";
import { dimensionsFor, isCalled, meant, operatorsFor, withFilter } from "../src/filter-by";
import { turned, valueName } from "../src/filters";
import { flowSheet } from "../src/flows";
import { funnelSheet } from "../src/funnels";
import { noted, seriesSheet, toldAs } from "../src/graph";
import { balances, ledgerSheet, linesOf } from "../src/ledger";
import { LeftOutOf, NoSuchSite } from "../src/left-out";
import { Empty, InNoRow, Table } from "../src/lists";
import { listSheet } from "../src/lists";
import { minutesSheet } from "../src/live";
import { type At, around, inTowns } from "../src/map";
import { Change, totalsSheet } from "../src/overview";
import { mayTakeBack } from "../src/people";
import { ownName } from "../src/period";
import { VIEWS, readAddress, readPlace, writePlace } from "../src/place";
import { Problem } from "../src/problem";
import { type Range, compared, daysMeasured, intervalFor, intervalsFor, isComparable, isTodayOnly, moved, openBucket, partOf, resolve, runningHour, today } from "../src/range";
import { CARDS, DIMENSIONS, TABS, earning, filteredBy, hoursAnswerable, mayLackRows, metricsOf, rowMetrics, totalMetrics } from "../src/reports";
import { beside, hasMoney, heldBy, listQuery } from "../src/scope";
import { isLike, isSearchedHere, searchFilter } from "../src/search";
import { UNFILTERED } from "../src/views";
import { bucketsSheet, measuredSheet, vitalsSheet } from "../src/vitals";

test("today is the site's own", () => {
  const evening = new Date("2024-05-15T15:30:00Z");
  assert.equal(today("Asia/Tokyo", evening), "2024-05-16");
  assert.equal(today("America/New_York", evening), "2024-05-15");
  assert.equal(openBucket("hour", "Asia/Tokyo", ["2024-05-16"], evening), "2024-05-16 00:00:00");
  assert.equal(openBucket("month", "Asia/Tokyo", ["2024-01-01"], evening), "2024-05-01");
  assert.equal(openBucket("week", "Asia/Tokyo", ["2024-01-01"], evening), "2024-05-13", "a Monday");
  assert.equal(openBucket("week", "Asia/Tokyo", ["2024-05-15"], evening), "2024-05-15", "a week that the range cuts begins with the range");
  assert.equal(openBucket("month", "Asia/Tokyo", ["2024-01-01", "2024-05-16"], evening), "2024-05-01");
  assert.ok(openBucket("month", "Asia/Tokyo", ["2024-01-01", "2024-05-15"], evening) > "2024-05-01", "a month that the range cuts is over with the range");
  assert.deepEqual(runningHour("Asia/Kolkata", evening), ["2024-05-15T15:30:00Z", "2024-05-15T16:29:59Z"], "an hour of the site's own clock");
});

test("a week or month that a range cuts says what it holds of it", () => {
  // 2024-05-06 is a Monday; a month is called by its first day, whatever the range leaves out of it.
  const year: [string, string] = ["2024-01-01", "2024-12-31"];
  assert.equal(partOf("2024-05-06", "week", year), undefined);
  assert.deepEqual(partOf("2024-05-08", "week", ["2024-05-08", "2024-05-31"]), ["2024-05-08", "2024-05-12"]);
  assert.deepEqual(partOf("2024-05-06", "week", ["2024-05-06", "2024-05-09"]), ["2024-05-06", "2024-05-09"]);
  assert.equal(partOf("2024-02-01", "month", year), undefined);
  assert.deepEqual(partOf("2024-02-01", "month", ["2024-02-15", "2024-06-01"]), ["2024-02-15", "2024-02-29"]);
  assert.deepEqual(partOf("2024-06-01", "month", ["2024-02-15", "2024-06-01"]), ["2024-06-01", "2024-06-01"]);
  assert.deepEqual(partOf("2024-12-01", "month", ["2024-12-20", "2024-12-28"]), ["2024-12-20", "2024-12-28"]);
  for (const whole of ["hour", "day"] as const) assert.equal(partOf("2024-05-06", whole, ["2024-05-06", "2024-05-06"]), undefined);
});

test("ranges end today and are compared with as many days before", () => {
  for (const [name, dates, previous] of [
    ["day", ["2024-03-01", "2024-03-01"], ["2024-02-29", "2024-02-29"]],
    ["yesterday", ["2024-02-29", "2024-02-29"], ["2024-02-28", "2024-02-28"]],
    ["7d", ["2024-02-24", "2024-03-01"], ["2024-02-17", "2024-02-23"]],
    ["12mo", ["2023-04-01", "2024-03-01"], ["2022-04-01", "2023-03-01"]],
  ] as const) {
    const range = resolve(name, "2024-03-01");
    assert.deepEqual([range.dates, compared(range, "previous")], [dates, previous], name);
  }
  assert.equal(resolve("yesterday", "2024-03-01").open, false);
});

test("a leap day a year ago is the last of February", () => {
  assert.deepEqual(compared(resolve("12mo", "2024-02-29"), "previous"), ["2022-03-01", "2023-02-28"]);
});

test("days before the first count do not lower an average", () => {
  const range = resolve("30d", "2024-03-31");
  assert.equal(daysMeasured(range, "2024-03-22"), 10);
  assert.equal(daysMeasured(range, "2020-01-01"), 30);
  assert.equal(daysMeasured(range, undefined), 30);
});

test("numbers and buckets read well", () => {
  assert.deepEqual([0, 59, 60, 3_725].map(duration), ["0s", "59s", "1m 00s", "1h 2m"]);
  assert.equal(metricValue("visitors", 99_999), "99,999");
  assert.equal(metricValue("visitors", 123_456), "123.5K");
  assert.equal(metricValue("percentage", 51), "51.0%");
  assert.equal(metricValue("bounce_rate", null), "–");
  assert.equal(axisLabel("2024-01-01", "time:month"), "2024");
  assert.equal(bucketLabel("2024-05-15 09:00:00", "time:hour"), "Wed, May 15, 09:00–09:59");
});

test("a list's question is complete, and equal rows keep their places", () => {
  const place = readPlace("?f=is,visit:country,DE");
  const site = { domain: "a.example", timezone: "UTC", public: true };
  const scope = { site, range: resolve("7d", "2024-03-01"), place, filters: place.filters, tick: 0, go: () => undefined };
  assert.deepEqual(listQuery(scope, { dimension: "event:page", metrics: ["visitors", "pageviews"], search: "a b", limit: 50, offset: 100 }), {
    site_id: "a.example",
    metrics: ["visitors", "pageviews"],
    date_range: ["2024-02-24", "2024-03-01"],
    dimensions: ["event:page"],
    filters: [
      ["is", "visit:country", ["DE"]],
      ["contains", "event:page", ["a b"], { case_sensitive: false }],
    ],
    order_by: [
      ["visitors", "desc"],
      ["pageviews", "desc"],
      ["event:page", "asc"],
    ],
    include: { total_rows: true },
    pagination: { limit: 50, offset: 100 },
  });
  assert.equal(beside(scope, "visit:source", undefined), "percentage");
  assert.equal(beside(scope, "event:page", "pageviews"), "pageviews");
  assert.equal(beside({ ...scope, filters: filteredBy([], "event:name", "Signup") }, "event:page", "pageviews"), "events", "page views are not of events");
  const rejecting = { ...scope, filters: [{ operator: "is_not" as const, dimension: "visit:country", values: ["DE"] }] };
  assert.notEqual(beside(rejecting, "visit:source", undefined), "percentage", "all visitors without Germany's are not told");
});

test("coverage is a sentence that hides nobody", () => {
  const of = (measured: number | null, counted_only: number | null, opted_out: number | null, since?: string) =>
    coverageLine({ shares: { measured, exempt: 0, counted_only, opted_out }, lowered_by: {}, since }, "2024-01-01");
  assert.equal(of(91.2, 8.8, 0), "91% measured, 9% counted only");
  assert.equal(of(100, 0, 0), "100% measured");
  assert.equal(of(99.7, 0.2, 0.1), "99.7% measured, 0.2% counted only, 0.1% opted out");
  assert.equal(of(80, 20, 0, "2024-03-01"), "80% measured, 20% counted only (known since Mar 1, 2024)");
  assert.equal(of(100, 0, 0, "2024-01-01"), "100% measured");
  assert.equal(of(null, null, null), undefined);
  const shares = { measured: 50, exempt: 0, counted_only: 50, opted_out: 0 };
  assert.equal(loweredBy({ shares, lowered_by: { dnt: 2, gpc: 1_200 } }), "Less because of: Global Privacy Control 1,200, Do Not Track 2");
});

test("a degraded day is named, and many are spanned", () => {
  const day = (day: number, records: number, forgotten = 0) => ({ day: `2024-05-${String(day).padStart(2, "0")}`, records, forgotten, warning: "" });
  assert.equal(degradedLine([day(3, 1)]), "The hits of up to 1 request could not be opened and are missing here (May 3, 2024).");
  assert.equal(degradedLine([day(3, 5), day(4, 1_000)]), "The hits of up to 1,005 requests could not be opened and are missing here (May 3, 2024; May 4, 2024).");
  assert.equal(degradedLine([day(3, 0, 2)]), "A restart could not read up to 2 counted requests again: whoever came back later that day counts as two visitors (May 3, 2024).");
  assert.match(degradedLine([day(3, 1), day(4, 0, 1)]), /missing here \(May 3, 2024\)\. A restart could not read up to 1 counted request again.*\(May 4, 2024\)/);
  const many = [1, 2, 3, 4, 5].map((number) => day(number, 1));
  assert.equal(degradedLine(many), "The hits of up to 5 requests could not be opened and are missing here (5 days, May 1, 2024 to May 5, 2024).");
});

test("fewer than ten are shown so everywhere, and are as high as their middle", () => {
  assert.equal(metricValue("visitors", "<10"), "<10");
  assert.equal(inFull("<10"), "<10");
  assert.equal(inFull(null), "–");
  assert.deepEqual([sized("<10"), sized(20), sized(null), sized(undefined)], [5, 20, null, null]);
});

test("months and own dates are compared with their like", () => {
  const month = resolve("month", "2024-03-20");
  assert.deepEqual([month.dates, compared(month, "previous")], [["2024-03-01", "2024-03-20"], ["2024-02-01", "2024-02-20"]]);
  const last = resolve("lastmonth", "2024-04-20");
  assert.deepEqual([last.dates, compared(last, "previous")], [["2024-03-01", "2024-03-31"], ["2024-02-01", "2024-02-29"]]);
  const own = resolve("custom", "2024-05-01", ["2024-03-04", "2024-03-13"]);
  assert.deepEqual(compared(own, "previous"), ["2024-02-23", "2024-03-03"]);
  assert.deepEqual(compared(own, "weekday"), ["2024-02-19", "2024-02-28"], "two whole weeks back: Monday again");
  assert.deepEqual(compared(own, "year"), ["2023-03-04", "2023-03-13"]);
  assert.equal(compared(own, "off"), null);
  assert.equal(compared(resolve("all", "2024-05-01", null, "2023-01-01"), "previous"), null, "there is nothing before all");
  assert.deepEqual([moved(own, -1, "2024-05-01"), moved(own, 1, "2024-03-13")], [["2024-02-23", "2024-03-03"], null]);
});

test("a range is drawn by what can be read", () => {
  const of = (days: number) => resolve("custom", "2024-12-31", ["2024-01-01", new Date(Date.UTC(2024, 0, days)).toISOString().slice(0, 10)]);
  assert.deepEqual([1, 7, 30, 366].map((days) => intervalFor(of(days), null)), ["hour", "day", "day", "month"]);
  assert.deepEqual(intervalsFor(of(1)), ["hour"]);
  assert.deepEqual(intervalsFor(of(90)), ["day", "week", "month"]);
  assert.equal(intervalFor(of(90), "hour"), "day", "a choice that fits no more is passed over");
  assert.equal(intervalFor(of(90), "week"), "week");
});

test("a place and its address are each other's", () => {
  const address = "?site=a.example&from=2024-01-01&to=2024-01-31&compare=year&interval=week&metric=visits&f=is%2Cevent%3Apage%2C%2Fa%252Cb&f=contains%2Cvisit%3Asource%2Cx&view=ledger&detail=page&tabs=channel%2Centry&property=plan&lang=ja&theme=dark";
  const place = readPlace(address);
  assert.equal(writePlace(place), address);
  assert.deepEqual(place.filters[0], { operator: "is", dimension: "event:page", values: ["/a,b"] });
  assert.equal(writePlace(readPlace("")), "", "the usual is not written");
  const nonsense = readPlace("?period=x&from=2024-02-30&to=2024-03-01&metric=y&f=is&f=%25&view=z&detail=q&tabs=r&lang=tlh&theme=pink&interval=second");
  assert.deepEqual(nonsense, readPlace(""), "what is not known is as if it were not there");
});

test("a comparison of one's own stays in the address and is asked for as it is", async () => {
  const address = "?site=a.example&period=7d&compare=custom&compare_from=2024-01-01&compare_to=2024-01-07";
  const place = readPlace(address);
  assert.equal(writePlace(place), address);
  assert.deepEqual([place.compare, place.against], ["custom", ["2024-01-01", "2024-01-07"]]);
  const reversed = "&compare_from=2024-01-07&compare_to=2024-01-01";
  for (const nonsense of ["", "&compare_from=2024-01-01", "&compare_from=2024-02-30&compare_to=2024-03-01", reversed]) {
    assert.deepEqual(readPlace(`?compare=custom${nonsense}`), readPlace(""), nonsense);
  }
  assert.deepEqual(readPlace("?compare_from=2024-01-01&compare_to=2024-01-07"), readPlace(""), "dates alone are no comparison");
  assert.equal(writePlace({ ...place, compare: "off" }), "?site=a.example&period=7d&compare=off", "the dates go with their comparison");
  const range = resolve(place.period, "2024-03-01");
  assert.deepEqual(compared(range, place.compare, place.against), place.against);
  assert.deepEqual(compared(resolve("all", "2024-03-01", null, "2023-01-01"), place.compare, place.against), place.against, "also with all");
  let include: unknown;
  const fetch = (_: unknown, request?: RequestInit) => ((include = JSON.parse(String(request?.body)).include), Promise.resolve(Response.json({ results: [] })));
  Object.assign(globalThis, { sessionStorage: { getItem: () => null }, fetch });
  await queryCompared({ site_id: "a.example", metrics: ["visitors"], date_range: range.dates, include: { time_labels: true } }, compared(range, place.compare, place.against));
  assert.deepEqual(include, { time_labels: true, comparisons: { mode: "custom", date_range: ["2024-01-01", "2024-01-07"] } });
});

test("dates of one's own say how many days they are where that differs, and that today is not over", () => {
  const week = resolve("custom", "2024-03-01", ["2024-02-01", "2024-02-07"]);
  assert.equal(ownName(["2024-01-01", "2024-01-07"], week, "2024-03-01").replaceAll("\u2009", " "), "Jan 1 – 7, 2024");
  assert.equal(ownName(["2024-01-01", "2024-01-01"], week, "2024-03-01"), "Jan 1, 2024, 1 day");
  assert.match(ownName(["2024-02-01", "2024-03-01"], week, "2024-03-01"), /, 30 days, today is not over yet$/);
});

test("visitors of several days are called a sum, and those of one are not", () => {
  const answer = { results: [], meta: { metric_warnings: { visitors: { code: "sum_of_daily_visitors", warning: "" } } }, query: { date_range: ["a", "b"] } } as Answer;
  assert.equal(toldAs(answer, "visitors"), "Visitors (sum of daily visitors)");
  assert.deepEqual([toldAs(answer, "visits"), toldAs({ ...answer, meta: {} }, "visitors"), toldAs(undefined, "visitors")], ["Visits", "Visitors", "Visitors"]);
});

test("both tables say everything, with the same values in them", () => {
  const all = { ...en, ...late };
  assert.deepEqual(Object.keys(ja).sort(), Object.keys(all).sort());
  assert.deepEqual(Object.keys(late).filter((name) => name in en), [], "what is there at first need not come again");
  const holes = (word: string) => [...new Set([...word.matchAll(/\{(\w+)/g)].map((hole) => hole[1]))].filter((hole) => hole !== "n").sort();
  for (const [name, word] of Object.entries(all)) {
    const other = ja[name as keyof typeof ja];
    assert.ok(word.trim() !== "" && other.trim() !== "", name);
    assert.deepEqual(holes(other), holes(word), name);
  }
});

test("words follow numbers and languages", async () => {
  assert.equal(fill("{n} {n#row|rows}", { n: 1 }), "1 row");
  assert.equal(fill("{n} {n#row|rows}", { n: 1_200 }), "1,200 rows");
  assert.equal(fill("{missing}", {}), "{missing}");
  assert.deepEqual([preferred(["de-DE", "ja-JP", "en"]), preferred(["fr"]), preferred([])], ["ja", "en", "en"]);
  speak("ja");
  assert.equal(t("visitors"), "Visitors", "until its words are here");
  await learn("ja");
  speak("ja");
  assert.equal(t("visitors"), "訪問者");
  assert.equal(duration(61), "1分 01秒");
  speak("en");
});

test("a file does nothing in a spreadsheet", () => {
  const sheet = { head: ["event:page", "visitors"], rows: [["=1+1", 3], ["@x", "<10"], [' +1,"2"', null], ["'quoted", -4], ["/plain", 0]] };
  assert.equal(
    csv(sheet),
    "\uFEFFevent:page,visitors\r\n\"'=1+1\",3\r\n\"'@x\",<10\r\n\"' +1,\"\"2\"\"\",\r\n\"''quoted\",-4\r\n/plain,0\r\n",
  );
  assert.deepEqual(JSON.parse(json(sheet)).rows[0], { "event:page": "=1+1", visitors: 3 }, "JSON runs nowhere and stays as it is");
  assert.deepEqual(JSON.parse(json({ head: ["a"], rows: [], notes: { a: "b" }, cut: "not all" })), { notes: { a: "b", rows: "not all" }, rows: [] });
});

test("a file tells of its numbers what the page tells of them", () => {
  const meta = {
    metric_warnings: { visitors: { code: "sum_of_daily_visitors", warning: "of days" } },
    filter_warnings: { "visit:country": { code: "known_values_only", warning: "known" } },
    folded: { value: "(other)", below: 5, warning: "too few" },
    rounded: { to: 10, warning: "tens" },
    degraded: [{ day: "2024-05-03", records: 1, forgotten: 0, warning: "lost" }],
    currency: { code: "EUR", warning: "one currency" },
    time_labels: ["2024-05-03"],
    total_rows: 7,
  };
  assert.deepEqual(notesOf(meta), { daily_visitors: "of days", "visit:country": "known", "(other)": "too few", rounded: "tens", "2024-05-03": "lost", currency: "EUR: one currency" });
  assert.deepEqual(columnsOf(["visitors", "visits"], meta), ["daily_visitors", "visits"]);
  assert.deepEqual(columnsOf(["visitors"], {}), ["visitors"]);
});

test("a list is exported page by page until all of it is there, or as much as a file holds", async () => {
  assert.deepEqual([pageAfter(0, 1), pageAfter(10_000, 10_000), pageAfter(10_000, 10_001)], [{ limit: 10_000, offset: 0 }, null, { limit: 10_000, offset: 10_000 }]);
  assert.deepEqual([pageAfter(FILE_ROWS_MAX - 10_000, 2 * FILE_ROWS_MAX)?.limit, pageAfter(FILE_ROWS_MAX, 2 * FILE_ROWS_MAX)], [10_000, null]);
  const asked: Page[] = [];
  const told: number[][] = [];
  const answering = (total: number, moved: number) => (page: Page) => {
    asked.push(page);
    const first = page.offset === 0 ? 0 : page.offset - moved;
    const rows = Array.from({ length: Math.min(page.limit, total - first) }, (_, i) => ({ dimensions: [`/${first + i}`], metrics: [(first + i) % 7, 1] }));
    return Promise.resolve({ results: rows, meta: { total_rows: total, ...(page.offset > 0 && { folded: { value: "(other)", warning: "too few" } }) }, query: { date_range: ["a", "b"] } } as Answer);
  };
  const whole = await wholeList(answering(20_500, 1), (rows, total) => told.push([rows, total]));
  assert.deepEqual(asked.map(({ offset }) => offset), [0, 10_000, 20_000]);
  assert.deepEqual(told, [[10_000, 20_500], [19_999, 20_500], [20_500, 20_500]], "a row that moved to the next page is there once");
  assert.deepEqual([whole.rows.length, whole.rows[0]?.metrics, whole.rows.at(-1)?.metrics], [20_500, [6, 1], [0, 1]], "the largest first");
  assert.deepEqual(notesOf(whole.meta), { "(other)": "too few" }, "a warning of any page is one of the file");
  assert.deepEqual((await wholeList(answering(0, 0), () => undefined)).rows, []);
  await assert.rejects(wholeList(({ offset }) => (offset === 0 ? answering(20_500, 0)({ offset, limit: 10_000 }) : Promise.reject(new ApiError("busy", 503))), () => undefined), /busy/, "no half file");
});

test("the audit log is exported page by page", async () => {
  const before: (number | null)[] = [];
  const page = (numbers: number[]) => ["number,who", ...numbers.map((number) => `${number},"jane, ""x"""`), ""].join("\r\n");
  const log = (lines: number) => (from: number | null, limit: number) => {
    before.push(from);
    const first = (from ?? lines + 1) - 1;
    return Promise.resolve(page(Array.from({ length: Math.min(limit, first) }, (_, i) => first - i)));
  };
  const whole = await wholeLog(log(2_500), () => undefined);
  assert.deepEqual([before, whole.rows, whole.isCut], [[null, 1_501, 501], 2_500, false]);
  assert.equal(whole.text, page(Array.from({ length: 2_500 }, (_, i) => 2_500 - i)));
  assert.equal((await wholeLog(log(1_000), () => undefined)).rows, 1_000, "what may follow a full page is asked for");
  assert.equal((await wholeLog(log(0), () => undefined)).text, page([]));
});

test("each report is a table", () => {
  const one = (metrics: Told[], dimensions: string[] = [], then?: { metrics: Told[]; dimensions: string[] }) => ({ metrics, dimensions, ...(then && { comparison: then }) });
  const answer = (results: Answer["results"], meta: Answer["meta"] = {}): Answer => ({ results, meta, query: { date_range: ["a", "b"] } });
  const summed = { metric_warnings: { visitors: { code: "sum_of_daily_visitors", warning: "of days" } } };

  const totals = totalsSheet(answer([one([5, null], [], { metrics: ["<10", 2], dimensions: [] })], summed), ["visitors", "bounce_rate"], ["2024-05-03", "2024-05-04"], ["2024-05-01", "2024-05-02"]);
  assert.deepEqual(totals.head, ["from", "to", "daily_visitors", "bounce_rate"]);
  assert.deepEqual(totals.rows, [["2024-05-03", "2024-05-04", 5, null], ["2024-05-01", "2024-05-02", "<10", 2]]);
  assert.equal(totalsSheet(answer([one([5])]), ["visitors"], ["a", "b"], null).rows.length, 1);

  const days = { time_labels: ["2024-05-03", "2024-05-04"], comparison_time_labels: ["2024-05-01", "2024-05-02"] };
  const line = answer([one([5], ["2024-05-04"], { metrics: [4], dimensions: ["2024-05-02"] })], days);
  const series = seriesSheet(line, "visits", "day", "UTC", "2024-05-01");
  assert.deepEqual(series.head, ["time:day", "visits", "complete", "time_before", "visits_before"]);
  assert.deepEqual(series.rows, [["2024-05-03", 0, "yes", "2024-05-01", 0], ["2024-05-04", 5, "yes", "2024-05-02", 4]]);
  const ahead = seriesSheet(answer([], { time_labels: ["2024-05-04", "2999-01-01"] }), "visits", "day", "UTC", "2024-05-01");
  assert.deepEqual(ahead.rows, [["2024-05-04", 0, "yes"]], "what is to come is no row");

  const minutes = [{ minute: "2024-05-03T09:00:00+09:00", visitors: null }, { minute: "2024-05-03T09:01:00+09:00", visitors: "<10" as const }];
  assert.deepEqual(minutesSheet({ visitors: 1, minutes, complete_to: null }).rows, [["2024-05-03T09:00:00+09:00", null], ["2024-05-03T09:01:00+09:00", "<10"]]);

  const funnel = { visitors: 4, steps: [{ step: 1, label: "=x", visitors: 4, conversion_rate: 100, step_conversion_rate: null }], meta: { counted_from: "2024-05-01T00:00:00Z" } };
  assert.deepEqual(funnelSheet(funnel, 2).head[2], "daily_visitors");
  assert.deepEqual([funnelSheet(funnel, 1).head[2], funnelSheet(funnel, 1).rows], ["visitors", [[1, "=x", 4, null, 100]]]);

  const side = { pages: [{ page: "/b", pageviews: 2, share: 40 }], pages_total: 1, other: { pageviews: 1, share: 20 } };
  const flow = { page: "/a", pageviews: 5, previous: { ...side, entries: { pageviews: 2, share: 40 } }, next: { ...side, exits: { pageviews: 2, share: 40 } }, meta: { folded: { below: 5, warning: "too few" } } };
  assert.deepEqual(flowSheet(flow).rows.map(([direction, page]) => `${direction} ${page}`), ["page /a", "previous (entries)", "previous /b", "previous (other)", "next (exits)", "next /b", "next (other)"]);

  const vital = { measurements: 4, p75: { from: 2000, to: 2500, about: null }, rating: "good" as const, good: 75, needs_improvement: 25, poor: 0, buckets: [{ from: 0, to: 200, measurements: 4, rating: "good" as const }] };
  const none = { measurements: 0, p75: null, rating: null, good: null, needs_improvement: null, poor: null };
  const vitals = { lcp: vital, inp: none, cls: none, fcp: none, ttfb: none };
  const measured = { vitals, rows: [{ page: "/a", vitals }], meta: {} };
  assert.deepEqual(vitalsSheet(measured).rows[0], ["lcp", null, 2000, 2500, "good", 75, 25, 0, 4]);
  assert.deepEqual(bucketsSheet(measured, "lcp").rows, [[0, 200, "good", 4]]);
  assert.deepEqual([measuredSheet(measured, "page", "lcp").rows.length, measuredSheet(measured, "page", "inp").rows.length], [1, 0], "what was not measured is no row");

  const sites = sitesSheet([["(all)", answer([one([9, 3, 4])])], ["a.example", answer([one([5, 3, 4], [], { metrics: [1, 2, 3], dimensions: [] })], summed)]]);
  assert.deepEqual(sites.head, ["site", "daily_visitors", "visits", "pageviews", "daily_visitors_before", "visits_before", "pageviews_before"]);
  assert.deepEqual(sites.rows, [["(all)", 9, 3, 4, null, null, null], ["a.example", 5, 3, 4, 1, 2, 3]]);
});

test("what is fewer than ten is neither added up nor divided in a file of the ledger", () => {
  const coverage = { shares: { measured: 91.2, exempt: 0, counted_only: 8.8, opted_out: 0 }, lowered_by: { gpc: "<10" as const } };
  const told = { complete_to: null, received: 130, counted: 100, minimal: "<10" as const, refused: { duplicate: "<10" as const, off: 20 }, bots: { declared: 10 }, late: 0, expired: 0, expired_by_reason: {}, forgotten: 0, coverage };
  const { rows } = ledgerSheet(told);
  const line = (outcome: string, reason = "") => rows.find(([one, other]) => one === outcome && other === reason)?.slice(2);
  assert.deepEqual([line("received"), line("counted"), line("minimal")], [[130, 100], [100, 77], ["<10", null]]);
  assert.deepEqual([line("refused"), line("refused", "duplicate"), line("bots")], [[null, null], ["<10", null], [10, 8]]);
  assert.deepEqual([line("coverage", "measured"), line("lowered_by", "gpc")], [[null, 91.2], ["<10", null]]);
});

test("only metrics that the counts hold are asked for", () => {
  assert.ok(metricsOf([]).includes("visit_duration"));
  assert.ok(!metricsOf(["event:page"]).includes("visit_duration"));
  assert.ok(metricsOf(["event:page"]).includes("time_on_page"));
  assert.deepEqual(metricsOf(["event:hostname"]), ["visitors", "visits", "pageviews", "bounce_rate"]);
  assert.ok(!metricsOf(["event:page", "visit:country"]).includes("time_on_page"), "attention is counted by page alone");
  assert.deepEqual(metricsOf(["visit:country", "event:name"]), ["visitors", "visits", "events"]);
  assert.deepEqual([hoursAnswerable([], false), hoursAnswerable(filteredBy([], "event:page", "/"), false), hoursAnswerable(filteredBy([], "visit:country", "DE"), false)], [true, true, false]);
});

test("a filter takes the place of the one before on its dimension", () => {
  const one = filteredBy(filteredBy([], "visit:country", "DE"), "visit:device", "Mobile");
  assert.deepEqual(filteredBy(one, "visit:country", "JP").map((filter) => filter.values), [["Mobile"], ["JP"]]);
});

test("every list has a name of its own, and its dimension one", () => {
  const tabs = CARDS.flatMap((card) => card.tabs);
  assert.equal(new Set(tabs.map((tab) => tab.id)).size, tabs.length);
  for (const tab of tabs) if (tab.dimension !== null) assert.ok(tab.dimension in DIMENSIONS, tab.dimension);
});

test("the ledger's lines add up, or it is said", () => {
  const coverage = { shares: { measured: 100, exempt: 0, counted_only: 0, opted_out: 0 }, lowered_by: {} };
  const told = { received: 133, counted: 100, minimal: 20, refused: { duplicate: 3, off: 2 }, bots: { declared: 7 }, late: 1, expired: 0, expired_by_reason: {}, forgotten: 0, coverage };
  const lines = linesOf(told);
  assert.deepEqual(lines.map((line) => line.hits), [100, 20, 5, 3, 2, 7, 7, 1]);
  assert.deepEqual([balances(told, lines), balances({ ...told, received: 134 }, lines)], [true, false]);
  assert.equal(balances({ ...told, rounded: { to: 10, warning: "" } }, lines), undefined, "of tens nobody can tell");
});

test("an instant's time of day is the site's", () => {
  assert.equal(clockTime("2024-05-15T23:59:09+09:00"), "23:59:09");
});

test("a question that is cancelled while its answer arrives has no answer, and neither has half an answer", async () => {
  const answering = (failure: Error) => {
    const response = { ok: true, status: 200, json: () => Promise.reject(failure) };
    Object.assign(globalThis, { sessionStorage: { getItem: () => null }, fetch: () => Promise.resolve(response) });
    return query({ site_id: "a.example", metrics: ["visitors"], date_range: "day" });
  };
  await assert.rejects(answering(new DOMException("cancelled", "AbortError")), { name: "AbortError" });
  await assert.rejects(answering(new SyntaxError("cut off")), ApiError);
});

test("a note stands in the bucket that it is in, and nowhere where it is not shown", () => {
  const note = (at: string, text: string) => ({ name: text, at, text });
  const days = ["2024-05-13", "2024-05-14", "2024-05-15"];
  const notes = [note("2024-05-14T00:00:00+09:00", "release"), note("2024-05-14T18:30:00+09:00", "outage"), note("2024-05-12T23:59:59+09:00", "before"), note("2024-05-16T00:00:00+09:00", "after")];
  assert.deepEqual([...noted(notes, days, "2024-05-15")], [[1, "release; outage"]]);
  const hours = ["2024-05-14 17:00:00", "2024-05-14 18:00:00", "2024-05-14 19:00:00"];
  assert.deepEqual([...noted(notes, hours, "2024-05-14")], [[1, "outage"]]);
  assert.deepEqual([...noted([note("2024-05-15T09:00:00+09:00", "midweek")], ["2024-05-06", "2024-05-13"], "2024-05-19")], [[1, "midweek"]]);
});

test("a segment is told in words, and what begins with a slash is a page", () => {
  const filters = [["is", "visit:country", ["DE"]], ["or", [["contains", "event:page", ["/blog"]], ["not", ["is", "visit:device", ["Mobile"]]]]]];
  assert.equal(tellSegment({ name: "x", filters }), "Country is Germany, (Page contains /blog or not Device is Mobile)");
  assert.deepEqual([readAction("/a/**"), readAction("Signup"), readAction("**/b")], [{ page: "/a/**" }, { event: "Signup" }, { page: "**/b" }]);
});

test("a page and a vital that are looked at stay in the address", () => {
  const address = "?site=a.example&view=flows&page=%2Fblog%2Fa%3Fb&vital=cls";
  const place = readPlace(address);
  assert.deepEqual([place.view, place.page, place.vital], ["flows", "/blog/a?b", "cls"]);
  assert.equal(writePlace(place), address);
  assert.deepEqual([readPlace("?vital=fid").vital, readPlace("").page], ["lcp", null]);
});

test("a percentile is told about where it is, or within its bounds", () => {
  const told = (from: number, to: number | null, about: number | null) => ({ from, to, about });
  assert.equal(vitalValue("lcp", told(2000, 2500, 2310)), "2.3 s");
  assert.equal(vitalValue("inp", told(150, 200, 180)), "180 ms");
  assert.equal(vitalValue("cls", told(0.05, 0.1, 0.083)), "0.08");
  assert.equal(vitalValue("lcp", told(10_000, null, null)), "> 10.0 s");
  assert.equal(vitalValue("lcp", told(2000, 2500, null)), "2.0 s – 2.5 s", "a site that tells tens says no more");
  assert.equal(vitalValue("lcp", null), "–");
});

test("a goal of a scroll depth is told with it", () => {
  assert.equal(tellGoal({ name: "Read", page: "/blog/**", scroll: 75 }), "/blog/** · scrolled to 75%");
  assert.equal(tellGoal({ name: "Signup", event: "Signup" }), "Signup");
});

test("what was compared with is an answer of its own", () => {
  const row = (value: number, then: number) => ({ metrics: [value], dimensions: ["2024-05-02"], comparison: { metrics: [then], dimensions: ["2024-05-01"] } });
  const answer = { results: [row(2, 1)], meta: { comparison_time_labels: ["2024-05-01"] }, query: { date_range: ["a", "b"] } } as Answer;
  assert.deepEqual(beforeIn(answer)?.results, [{ metrics: [1], dimensions: ["2024-05-01"] }]);
  assert.deepEqual(beforeIn(answer)?.meta.time_labels, ["2024-05-01"]);
  assert.equal(beforeIn({ ...answer, results: [{ metrics: [2], dimensions: [] }] }), undefined);
});

test("what the counts do not hold of the other range is not asked for, and nothing else is swallowed", async () => {
  const asked: unknown[] = [];
  const answers = (code: string) => {
    globalThis.sessionStorage = { getItem: () => null } as unknown as Storage;
    globalThis.fetch = (_: unknown, request?: RequestInit) => {
      const body = JSON.parse(String(request?.body));
      asked.push(body.include);
      const refused = body.include?.comparisons !== undefined || code !== "comparison";
      return Promise.resolve(refused ? Response.json({ error: "no", code }, { status: 400 }) : Response.json({ results: [] }));
    };
  };
  const question = { site_id: "a.example", metrics: ["visitors" as const], date_range: "7d" };
  answers("comparison");
  await queryCompared(question, ["2024-05-01", "2024-05-07"]);
  assert.deepEqual(asked, [{ comparisons: { mode: "custom", date_range: ["2024-05-01", "2024-05-07"] } }, undefined]);
  answers("not_counted");
  await assert.rejects(queryCompared(question, ["2024-05-01", "2024-05-07"]), ApiError);
  assert.equal(asked.length, 3);
});

const filter = (operator: Filter["operator"], dimension: string, ...values: string[]): Filter => ({ operator, dimension, values });

test("a list is searched by the names that it shows", async () => {
  const codes = searchFilter("visit:country", "germ", [])?.[2] ?? [];
  assert.ok(codes.includes("DE") && codes.every((code) => countryName(code).includes("Germ")), `${codes}`);
  assert.ok(searchFilter("visit:country", "cote d'i", [])?.[2].includes("CI"), "without accents, as most people type");
  assert.deepEqual(searchFilter("visit:country", "nowhere", []), ["is", "visit:country", []]);
  await learn("ja");
  speak("ja");
  assert.ok(searchFilter("visit:country", "ドイツ", [])?.[2].includes("DE"));
  assert.ok(isLike(languageName("de-at"), "ドイツ語"));
  speak("en");
  assert.ok(isLike(languageName("de-at"), " austrian "));
  for (const dimension of ["visit:language", "visit:region", "segment", "event:goal"]) assert.deepEqual([isSearchedHere(dimension, []), searchFilter(dimension, "x", [])], [true, null], dimension);
  for (const dimension of ["event:page", "visit:city", "visit:browser", "event:props:plan"]) {
    assert.deepEqual(searchFilter(dimension, "x", []), ["contains", dimension, ["x"], { case_sensitive: false }], dimension);
  }
  assert.equal(searchFilter("event:page", "x", [filter("contains", "event:page", "/blog")]), null, "the API takes one at a time");
  assert.equal(searchFilter("visit:country", "", []), null);
});

test("a region is told by its name once names have come, and by its code before and where it has none", async () => {
  assert.equal(valueName("visit:region", "GB-ENG"), "GB-ENG");
  for (let tries = 0; valueName("visit:region", "GB-ENG") === "GB-ENG" && tries < 100; tries++) await new Promise((later) => setTimeout(later, 10));
  const told = () => ["GB-ENG", "JP-13", "JP-47", "XX-1", "constructor", ""].map((code) => valueName("visit:region", code));
  assert.deepEqual(told(), ["England, GB", "Tokyo, JP", "Okinawa Prefecture, JP", "XX-1", "constructor", "(not set)"]);
  await learn("ja");
  speak("ja");
  for (let tries = 0; valueName("visit:region", "JP-13") === "Tokyo, JP" && tries < 100; tries++) await new Promise((later) => setTimeout(later, 10));
  assert.deepEqual(told(), ["England, GB", "東京都, JP", "沖縄県, JP", "XX-1", "constructor", "(未設定)"]);
  speak("en");
  // Codes that have been other regions' before, and some that are new.
  assert.deepEqual(["IR-23", "MA-06", "CN-BJ", "NO-46", "CZ-10"].map((code) => valueName("visit:region", code)), ["Tehran Province, IR", "Casablanca-Settat, MA", "Beijing, CN", "Vestland, NO", "Prague, CZ"]);
  const offered = ["US-CA", "GB-ENG", "NO-46"];
  assert.deepEqual(["england", "us-ca", "GB-ENG", "Atlantis"].map((typed) => meant("visit:region", typed, offered)), ["GB-ENG", "US-CA", "GB-ENG", undefined]);
  assert.deepEqual(["Calif", "us-ca", "Texas"].map((typed) => isCalled("visit:region", "US-CA", typed)), [true, true, false]);
});

test("goals have a rate in full, and the graph's totals have none", () => {
  assert.deepEqual(rowMetrics("event:goal", [], false), ["visitors", "visits", "events", "conversion_rate"]);
  assert.ok(rowMetrics("event:goal", filteredBy([], "visit:country", "DE"), false).includes("conversion_rate"));
  assert.ok(!rowMetrics("event:name", [], false).includes("conversion_rate"));
  assert.ok(!totalMetrics(filteredBy([], "event:goal", "Signup"), true).includes("conversion_rate"), "a day's would be of the whole period");
});

const looking = (address: string, currency: string | null = null) => {
  const place = readPlace(address);
  const site = { domain: "a.example", timezone: "UTC", public: true, currency };
  return { site, range: resolve("7d", "2024-03-01"), place, view: place.view, filters: place.filters, shared: null, tick: 0, go: () => undefined };
};

test("what a visitor may have several of is not added up over them", () => {
  assert.deepEqual(totalMetrics([filter("is_not", "visit:country", "DE")], false), metricsOf(["visit:country"]));
  assert.deepEqual(totalMetrics([filter("is_not", "visit:source", "Google")], false), ["visits", "pageviews", "views_per_visit", "bounce_rate", "visit_duration"]);
  assert.deepEqual(totalMetrics([filter("contains", "event:page", "/blog")], false), ["pageviews", "bounce_rate", "scroll_depth", "exit_rate"]);
  assert.deepEqual(totalMetrics([filter("is", "event:name", "a", "b")], false), ["events"]);
  assert.ok(rowMetrics("visit:source", [filter("is_not", "visit:source", "Google")], false).includes("visitors"), "each row is one value");
  const scope = looking("?f=is_not,visit:source,Google");
  assert.equal(beside(scope, "visit:channel", undefined), "pageviews", "beside visits");
  assert.equal(beside({ ...scope, filters: [filter("contains", "event:name", "x")] }, "visit:channel", undefined), undefined, "events stand alone");
  assert.deepEqual(listQuery(scope, { dimension: "visit:channel", metrics: ["visits", "pageviews"], limit: 9 }).order_by?.[0], ["visits", "desc"]);
});

test("money is asked for where a site counts it, and shown where there is some", async () => {
  const money: Metric[] = ["total_revenue", "average_revenue"];
  const of = (metrics: Metric[]) => metrics.filter((metric) => money.includes(metric));
  assert.deepEqual([of(totalMetrics([], true)), of(totalMetrics([], false))], [["total_revenue"], []]);
  assert.deepEqual(of(totalMetrics(filteredBy([], "visit:country", "DE"), true)), [], "it is of events");
  assert.deepEqual(of(totalMetrics(filteredBy([], "event:goal", "Order"), true)), money);
  assert.deepEqual([of(rowMetrics("event:name", [], true)), of(rowMetrics("visit:source", [], true))], [money, []]);
  assert.deepEqual(of(rowMetrics("visit:source", filteredBy([], "event:goal", "Order"), true)), money);
  const scope = looking("", "EUR");
  assert.deepEqual([hasMoney(scope), hasMoney(looking(""))], [true, false]);
  assert.equal(hasMoney({ ...scope, shared: { id: "x", reports: ["overview"], segment: null } }), false, "the link does not show what is sold");
  assert.equal(hasMoney({ ...scope, filters: filteredBy([], "event:goal", "Visit /thanks") }), false);
  assert.deepEqual(heldBy(scope, "event:goal"), ["visitors", "visits", "events", "conversion_rate", ...money]);
  const row = (...metrics: (number | null)[]) => ({ metrics });
  assert.deepEqual(earning(["visitors", "total_revenue"], [row(3, 0), row(2, 9.5)]), ["visitors", "total_revenue"]);
  assert.deepEqual(earning(["visitors", "total_revenue", "average_revenue"], [row(3, 0, null)]), ["visitors"]);
  const told = (value: number) => ({ value, long: `EUR ${value}`, short: `EUR ${value}`, currency: "EUR" });
  const results = [{ metrics: [3, told(9.5)], dimensions: ["Order"], comparison: { metrics: [1, told(4)], change: [200, 138], dimensions: ["Order"] } }];
  Object.assign(globalThis, { sessionStorage: { getItem: () => null }, fetch: () => Promise.resolve(Response.json({ results, meta: {} })) });
  const answer = await query({ site_id: "a.example", metrics: ["visitors", "total_revenue"], date_range: "7d" });
  assert.deepEqual([answer.results[0]?.metrics, answer.results[0]?.comparison?.metrics], [[3, 9.5], [1, 4]]);
});

test("money is written as the page's language does", async () => {
  payIn("EUR");
  assert.deepEqual([0, 12.5, 1_234.56, 123_456].map((value) => metricValue("total_revenue", value)), ["€0.00", "€12.50", "€1,235", "€123.5K"]);
  assert.deepEqual([inFull(1_234.56, "total_revenue"), inFull(1_234, "visitors"), metricValue("average_revenue", null)], ["€1,234.56", "1,234", "–"]);
  payIn("JPY");
  await learn("ja");
  speak("ja");
  assert.equal(metricValue("total_revenue", 123_456), "￥12.3万");
  speak("en");
  payIn(null);
});

test("a filter is turned round and back, and those that are asked by name only are not", () => {
  for (const operator of ["is", "contains"] as const) {
    const one = filter(operator, "visit:source", "Google");
    const other = turned(one);
    assert.equal(other?.operator, `${operator}_not`);
    assert.deepEqual(other && turned(other), one);
  }
  assert.equal(turned(filter("is", "segment", "x")), null);
  assert.equal(turned(filter("is", "event:goal", "x")), null);
  assert.equal(turned(filter("is_not", "event:goal", "x"))?.operator, "is", "a way out of what was typed into the address");
});

/** What a drawn part says, as text; of those that keep a state of their own, nothing. */
function textOf(drawn: unknown): string {
  if (typeof drawn === "string" || typeof drawn === "number") return String(drawn);
  if (Array.isArray(drawn)) return drawn.map(textOf).join("");
  const { type, props } = (drawn ?? {}) as { type?: unknown; props?: { children?: unknown } };
  if (props === undefined) return "";
  return typeof type === "function" ? textOf((type as (props: unknown) => unknown)(props)) : textOf(props.children);
}

/** All that is drawn under an element of a kind. */
function found(drawn: unknown, wanted: string): { props: Record<string, unknown> }[] {
  if (Array.isArray(drawn)) return drawn.flatMap((one) => found(one, wanted));
  const { type, props } = (drawn ?? {}) as { type?: unknown; props?: Record<string, unknown> };
  if (props === undefined) return [];
  if (typeof type === "function") return found((type as (props: unknown) => unknown)(props), wanted);
  return [...(type === wanted ? [{ props }] : []), ...found(props.children, wanted)];
}

test("a day that is not over is beside the other and not in percent of it, however it was chosen", () => {
  const drawn = (range: Range) => textOf(Change({ name: "visitors", value: 5, earlier: 10, scope: { ...looking(""), range } }));
  const day = "2024-04-01";
  const open = [resolve("day", day), resolve("custom", day, [day, day]), resolve("month", day), resolve("all", day, null, day)];
  assert.deepEqual(open.map(isTodayOnly), [true, true, true, true]);
  assert.deepEqual(open.map(drawn), ["yesterday 10", "the period before 10", "the period before 10", "the period before 10"]);
  const others = [resolve("yesterday", day), resolve("custom", day, ["2024-03-01", "2024-03-01"]), resolve("month", "2024-04-02"), resolve("7d", day)];
  assert.deepEqual(others.map(isTodayOnly), [false, false, false, false]);
  for (const range of others) assert.match(drawn(range), /^↓ 50%/, range.name);
});

test("a filter may be made of what the reader may ask, and of nothing else", () => {
  const shared = (reports: string[], segment: string | null = null) => dimensionsFor({ shared: { id: "x", reports, segment } });
  const all = dimensionsFor({ shared: null }).flatMap(({ dimensions }) => dimensions);
  assert.deepEqual([...all].sort(), [...Object.keys(DIMENSIONS), "event:props:"].sort(), "all that has a name, and properties");
  assert.deepEqual(shared(["overview", "pages"]), [{ title: "pages", dimensions: ["event:page", "visit:entry_page", "visit:exit_page", "event:hostname"] }]);
  assert.deepEqual(shared(["overview", "live"]), []);
  const [events] = shared(["events"], "Foxes");
  assert.deepEqual([events?.dimensions.includes("event:goal"), events?.dimensions.includes("segment")], [true, false], "a link of one segment takes no other");
  assert.deepEqual(operatorsFor("event:page", "is"), ["is", "is_not", "contains", "contains_not"]);
  assert.deepEqual([operatorsFor("segment", "is"), operatorsFor("event:goal", "is"), operatorsFor("event:goal", "contains")], [["is"], ["is"], ["is", "contains"]], "what the address has stays");
  for (const coded of ["visit:country", "visit:region", "visit:language"]) assert.deepEqual(operatorsFor(coded, "is"), ["is", "is_not"], "a part of a name is none of a code");
});

test("what is typed is meant, or the code of what is called so", async () => {
  assert.deepEqual([meant("event:page", " /a b ", ["/a"]), meant("event:page", "  ", []), meant("event:props:plan", "Germany", [])], ["/a b", undefined, "Germany"]);
  const country = (typed: string, ...offered: string[]) => meant("visit:country", typed, offered);
  assert.deepEqual([country("de"), country("Germany"), country("germ", "JP", "DE"), country("uk"), country("nowhere")], ["DE", "DE", "DE", "GB", undefined]);
  assert.deepEqual([country("niger", "NG"), country("nige", "NG")], ["NE", "NG"], "its whole name before those that it is a part of");
  assert.deepEqual([meant("visit:language", "german", ["en", "de-at", "de"]), meant("visit:language", "de-AT", [])], ["de", "de-at"]);
  assert.equal(meant("visit:language", "klingon", ["en"]), undefined, "no code that anybody knows");
  await learn("ja");
  speak("ja");
  assert.deepEqual([country("ドイツ"), country("日本", "JP")], ["DE", "JP"]);
  speak("en");
});

test("a filter takes the place of the one that was changed, and what is alike is united", () => {
  const [google, mobile] = [filter("is", "visit:source", "Google"), filter("is", "visit:device", "Mobile")];
  const one = filter("contains", "visit:source", "o");
  assert.deepEqual(withFilter([google], mobile, null), [google, mobile]);
  assert.deepEqual(withFilter([google, mobile], one, google), [one, mobile], "in its place");
  assert.deepEqual(withFilter([google], one, null), [google, one], "another operator is another filter");
  assert.deepEqual(withFilter([google, mobile], filter("is", "visit:source", "Bing", "Google"), null), [filter("is", "visit:source", "Google", "Bing"), mobile]);
  assert.deepEqual(withFilter([google, one, mobile], filter("is", "visit:source", "Bing"), one), [filter("is", "visit:source", "Google", "Bing"), mobile]);
  assert.deepEqual(withFilter([mobile], one, google), [mobile, one], "what is not there any more is not taken back");
  const address = writePlace({ ...readPlace(""), filters: withFilter([], filter("is_not", "event:page", "/a,b", "/c"), null) });
  assert.deepEqual(readPlace(address).filters, [filter("is_not", "event:page", "/a,b", "/c")]);
});

test("the hour that runs is a table of all its rows", async () => {
  const asked: Record<string, unknown>[] = [];
  const fetch = (_: unknown, request?: RequestInit) => {
    asked.push(JSON.parse(String(request?.body)));
    assert.equal(new Headers(request?.headers).get("footfall-export"), "csv");
    return Promise.resolve(Response.json({ results: [{ metrics: [2], dimensions: ["/a"] }, { metrics: [7], dimensions: ["/b"] }], meta: { total_rows: 2, rounded: { to: 10, warning: "tens" } } }));
  };
  Object.assign(globalThis, { sessionStorage: { getItem: () => null }, fetch });
  const hour = { site_id: "a.example", metrics: ["pageviews" as const], date_range: ["a", "b"] as [string, string], dimensions: ["event:page"] };
  const sheet = await listSheet(hour, "event:page", { format: "csv", signal: new AbortController().signal, onRows: () => undefined });
  assert.deepEqual(sheet, { head: ["event:page", "pageviews"], rows: [["/b", 7], ["/a", 2]], notes: { rounded: "tens" }, cut: undefined });
  assert.deepEqual(asked, [{ ...hour, order_by: [["event:page", "asc"]], include: { total_rows: true }, pagination: { limit: 10_000, offset: 0 } }]);
});

test("views that are counted of whole sites say that filters do not apply", () => {
  assert.deepEqual(VIEWS.filter((view) => UNFILTERED.includes(view)), ["live", "funnels", "flows", "vitals", "sites", "ledger"]);
});

test("nothing is compared with days before the first count, of one site or of several, on the page or in a file", async () => {
  const against: [string, string] = ["2024-05-01", "2024-05-07"];
  assert.deepEqual([isComparable(against, "2024-05-01"), isComparable(against, "2024-05-02"), isComparable(against, undefined), isComparable(null, "2024-01-01")], [true, false, false, false]);
  assert.equal(areComparable(against, ["2024-01-01", null]), true, "a site without a count adds to neither");
  assert.deepEqual([areComparable(against, ["2024-01-01", "2024-05-05"]), areComparable(against, ["2024-01-01", undefined]), areComparable(null, [])], [false, false, false]);
  const firstDays: Record<string, string | null> = { old: "2024-01-01", young: "2024-05-05", empty: null };
  const asked: [string | string[], unknown][] = [];
  const of = async (names: string[]) => {
    asked.length = 0;
    const ask = (site: string | string[], compared: [string, string] | null) => {
      asked.push([site, compared]);
      return Promise.resolve({ results: [{ metrics: [2, 2, 2], dimensions: [], ...(compared !== null && { comparison: { metrics: [1, 1, 1], dimensions: [] } }) }], meta: {}, query: { date_range: ["a", "b"] } } as Answer);
    };
    return sitesSheet(await tellSites(names, against, { ask, firstDayOf: (name) => Promise.resolve(firstDays[name] ?? null), onRows: () => undefined }));
  };
  const { rows } = await of(["old", "young", "empty"]);
  assert.deepEqual(asked, [["old", against], ["young", null], ["empty", null], [["old", "young", "empty"], null]]);
  assert.deepEqual(rows.map(([name, ...metrics]) => [name, metrics.at(-1)]), [["(all)", null], ["old", 1], ["young", null], ["empty", null]]);
  await of(["old", "empty"]);
  assert.deepEqual(asked.at(-1), [["old", "empty"], against]);
});

test("of several sites it is earliest and latest by their clocks, whatever their names", () => {
  const site = (timezone: string) => ({ domain: timezone, timezone }) as Site;
  assert.deepEqual(clocks(["Pacific/Honolulu", "Pacific/Auckland", "UTC"].map(site)), ["Pacific/Honolulu", "Pacific/Auckland"]);
  assert.deepEqual(clocks([]), [undefined, undefined]);
});

test("a token leaves the address whenever a link brings one", () => {
  const kept = new Map<string, string>();
  const listening = new EventTarget();
  const place = { pathname: "/", search: "?site=a.example", hash: "" };
  const globals = {
    location: place,
    history: { replaceState: (_: unknown, __: string, to: string) => ((place.hash = ""), kept.set("address", to)) },
    sessionStorage: { getItem: (name: string) => kept.get(name) ?? null, setItem: (name: string, value: string) => kept.set(name, value), removeItem: (name: string) => kept.delete(name) },
    addEventListener: listening.addEventListener.bind(listening),
    removeEventListener: listening.removeEventListener.bind(listening),
  };
  Object.assign(globalThis, globals);
  const came: boolean[] = [];
  assert.equal(takeTokenFromFragment(), null);
  const stop = onTokenInFragment((isSetup) => came.push(isSetup));
  const follow = (hash: string) => {
    place.hash = hash;
    listening.dispatchEvent(new Event("hashchange"));
  };
  follow("#token=abc");
  assert.deepEqual([came, kept.get("footfall-token"), kept.get("address"), place.hash], [[false], "abc", "/?site=a.example", ""]);
  follow("#setup=def");
  assert.deepEqual([came, kept.get("footfall-token"), place.hash], [[false, true], "def", ""]);
  follow("#report");
  assert.equal(came.length, 2, "any other word in the address is none");
  stop();
  follow("#token=ghi");
  assert.equal(kept.get("footfall-token"), "def");
});

test("a grant is taken back by whoever may, also at a site that is gone", () => {
  const me = (more: Partial<Me>): Me => ({ kind: "person", users: true, passwords: false, sites: [{ domain: "a.example", rights: ["read", "export", "define", "administer"] }], grants: [], ...more });
  const gone = { role: "viewer" as const, site: "gone.example" };
  assert.equal(mayTakeBack(me({ kind: "administrator", grants: undefined }), gone), true);
  assert.equal(mayTakeBack(me({ grants: [{ role: "site_admin", site: "*" }] }), gone), true);
  assert.equal(mayTakeBack(me({ grants: [{ role: "site_admin", site: "gone.example" }] }), gone), true);
  assert.equal(mayTakeBack(me({ grants: [{ role: "operator", site: "*" }], sites: [] }), gone), false, "an operator takes back operators only");
  assert.equal(mayTakeBack(me({ sites: [] }), { role: "operator", site: "*" }), true);
  assert.equal(mayTakeBack(me({}), { role: "viewer", site: "a.example" }), true);
  assert.equal(mayTakeBack(me({ users: false, sites: [] }), gone), true, "who does not run the users is told of those only that they may take back");
});

test("what of an address is not understood is said, and nothing else", () => {
  const left = (search: string) => readAddress(search).leftOut.map(({ part, why }) => (why === undefined ? part : `${part} (${why})`));
  assert.deepEqual(left("?site=a.example&period=7d&compare=year&interval=week&metric=visits&f=is,visit:country,DE&view=ledger&detail=page&tabs=channel,entry&property=x&page=/&vital=cls&lang=ja&theme=dark&utm_source=mail"), []);
  assert.deepEqual(left("?f=equals,visit:country,DE&f=is,visit:country&f=matches,event:page,%2Fa&f=is,visit:country,DE&f=%25"), ["f=equals,visit:country,DE", "f=is,visit:country", "f=matches,event:page,/a", "f=%"]);
  assert.deepEqual(left("?from=2024-02-01&to=2024-01-01"), ["from=2024-02-01&to=2024-01-01 (dates_reversed)"]);
  assert.deepEqual(left("?from=2024-02-30&to=2024-03-01"), ["from=2024-02-30&to=2024-03-01"]);
  assert.deepEqual(left("?from=2024-02-01"), ["from=2024-02-01"]);
  assert.deepEqual([left("?period=fortnight"), left("?period=custom"), left("?period=custom&from=2024-01-01&to=2024-01-02")], [["period=fortnight"], ["period=custom"], []]);
  assert.deepEqual(left("?compare=custom&compare_from=2024-02-01&compare_to=2024-01-01"), ["compare=custom&compare_from=2024-02-01&compare_to=2024-01-01 (dates_reversed)"]);
  assert.deepEqual(left("?compare_from=2024-01-01&compare_to=2024-01-07"), ["compare_from=2024-01-01&compare_to=2024-01-07"], "dates alone are no comparison");
  assert.deepEqual(left("?compare=custom&compare_from=2024-01-01&compare_to=2024-01-07"), []);
  assert.deepEqual(left("?view=z&metric=y&tabs=page,q&theme=pink"), ["tabs=page,q", "metric=y", "view=z", "theme=pink"]);
  const gone: unknown[] = [];
  const drawn = LeftOutOf({ search: "?f=equals,visit:country,DE&from=2024-02-01&to=2024-01-01", go: (change) => gone.push(change) });
  assert.match(textOf(drawn), /left out.*from=2024-02-01&to=2024-01-01 The first day is after the last one\.f=equals,visit:country,DE/);
  (found(drawn, "button")[0]?.props.onClick as () => void)();
  assert.deepEqual(gone, [{}], "closing it makes the address what is shown");
  assert.equal(LeftOutOf({ search: "?period=7d", go: () => undefined }), null);
});

test("a site that is not known is not taken for another", () => {
  const gone: unknown[] = [];
  const sites = [{ domain: "a.example", timezone: "UTC", public: false }];
  assert.deepEqual([readPlace("?site=nope.example").site, readPlace("?site=").site], ["nope.example", null]);
  const drawn = NoSuchSite({ name: "nope.example", sites, go: (change) => gone.push(change), onSignOut: () => undefined });
  assert.match(textOf(drawn), /nope\.example is not known here, or not open to you.*a\.example/);
  (found(drawn, "button")[0]?.props.onClick as () => void)();
  assert.deepEqual(gone, [{ site: "a.example", filters: [], detail: null, page: null }]);
});

test("a refusal says what it is about", async () => {
  const refusal = (code: string, message: string, max?: number) => Problem({ error: new ApiError(message, 400, undefined, code, max), scope: looking("?interval=hour") });
  const said = (drawn: ReturnType<typeof refusal>) => textOf(found(drawn, "p").map(({ props }) => props.children));
  assert.equal(said(refusal("too_long", "`date_range` may span at most 5000 days, from 1970 on", 5_000)), "At most 5,000 days can be shown at once, from 1970 on. Choose a shorter period.");
  assert.match(said(refusal("unknown", "unknown dimension `visit:nonsense`")), /unknown dimension `visit:nonsense`$/);
  const { children } = refusal("not_counted", "`visit:source` with `visit:browser` is not a declared pair").props as { children: { type?: string }[] };
  assert.ok(children.some((child) => child.type === "details") && children.some((child) => child.type === "button"), "its words are folded away, and days offered");
  await learn("ja");
  speak("ja");
  const drawn = Problem({ error: new ApiError("at most 50 filters", 400), scope: looking("") });
  assert.equal(textOf(drawn), "この条件には答えられませんAPI の説明: at most 50 filters");
  assert.equal(found(drawn, "details").length, 0, "not folded away");
  speak("en");
});

test("what is in no row is said beside the rows, and where there are none", () => {
  const answer = (folded: Answer["meta"]["folded"], rows: string[] = []): Answer => ({ results: rows.map((name) => ({ metrics: [1], dimensions: [name] })), meta: { folded }, query: { date_range: ["a", "b"] } });
  const folded = { below: 5, warning: "too few" };
  assert.equal(mayLackRows(answer(undefined, ["/a"]), true), false);
  assert.equal(mayLackRows(answer(folded, ["/a"]), true), true);
  assert.equal(mayLackRows(answer(folded, ["/a"]), false), false, "without a filter there is a row for them");
  assert.equal(mayLackRows(answer(folded, ["/a", "(other)"]), true), false);
  const [filtered, whole] = [looking("?f=is,visit:source,Google"), looking("")];
  const beside = (of: Answer, scope = filtered) => textOf(InNoRow({ answer: of, scope }));
  assert.equal(beside(answer(folded, ["/a"])), "Some are in no row");
  assert.equal(beside(answer(folded, ["/a"]), whole), "");
  const tab = (id: string) => TABS.find((tab) => tab.id === id) ?? assert.fail(id);
  const empty = (of: Answer, scope = filtered, id = "page") => textOf(Empty({ tab: tab(id), answer: of, scope }));
  assert.equal(empty(answer(undefined)), "Nothing here in this period");
  assert.equal(empty(answer(folded), whole), "Nothing here in this period");
  assert.match(empty(answer(folded)), /at least 5 visitors/);
  assert.match(empty(answer(folded), whole, "city"), /city database/);
});

test("a number in a list in full carries its name, which a narrow screen puts beside it", () => {
  const answer: Answer = { results: [{ metrics: [186, 201], dimensions: ["/blog"] }], meta: {}, query: { date_range: ["a", "b"] } };
  const table = { dimension: "event:page", kind: undefined, metrics: ["visitors", "visits"] as Metric[], answer, rows: answer.results, onChoose: () => undefined };
  const numbers = (drawn: unknown) => found(drawn, "td").map(({ props }) => [props["data-name"], textOf(props.children)]);
  assert.deepEqual(numbers(Table({ ...table, sorted: ["visitors", "desc"], onSort: () => undefined })), [["Visitors", "186"], ["Visits", "201"]]);
  assert.deepEqual(numbers(Table(table)), [[undefined, "186"], [undefined, "201"]]);
});

test("a map of dots shows what holds them, as wide to high as the world and never beyond it", () => {
  const world = { width: 1000, height: 500 };
  assert.deepEqual(around([], world), [0, 0, 1000, 500]);
  assert.deepEqual(around([[500, 200]], world), [390, 145, 220, 110]);
  assert.deepEqual(around([[990, 10]], world), [780, 0, 220, 110], "a corner of the world");
  assert.deepEqual(around([[0, 0], [1000, 500]], world), [0, 0, 1000, 500]);
  for (const places of [[[400, 100], [700, 120]], [[400, 100], [420, 400]], [[1, 1], [999, 2]]] as At[][]) {
    const [left, top, width, height] = around(places, world);
    assert.equal(width / height, 2);
    assert.ok(left >= 0 && top >= 0 && left + width <= 1000 && top + height <= 500);
    for (const [x, y] of places) assert.ok(left <= x && x <= left + width && top <= y && y <= top + height, `${x} ${y}`);
  }
});

test("a town is found by its name without marks, where its country has one that is meant", async () => {
  const { default: towns } = await import("virtual:towns");
  const { default: regions } = await import("virtual:regions");
  const { default: world } = await import("virtual:world");
  const near = (one: At | undefined, other: At | undefined, far: number) => assert.ok(one !== undefined && other !== undefined && Math.hypot(one[0] - other[0], one[1] - other[1]) <= far, `${one} ${other}`);
  near(inTowns(towns, "Zürich, CH"), inTowns(towns, "Zurich, CH"), 0);
  near(inTowns(towns, "Tokyo, JP"), regions["JP-13"], 3);
  near(inTowns(towns, "Paris, FR"), regions["FR-IDF"], 3);
  near(inTowns(towns, "Singapore, SG"), world.dots.SG, 3);
  for (const unknown of ["", "Tokyo", "Tokyo, XX", "Nowhere, JP", "(other)", "Springfield, US", "constructor, US", "x, __proto__"]) assert.equal(inTowns(towns, unknown), undefined, unknown);
  for (const [x, y] of [...Object.values(regions), ...Object.values(towns).flatMap((names) => Object.values(names))]) {
    assert.ok(x >= 0 && x <= world.width && y >= 0 && y <= world.height, `${x} ${y}`);
  }
});
