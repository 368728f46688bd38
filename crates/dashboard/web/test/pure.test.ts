// What the page works out by itself: ranges, buckets, words. `npm test` builds this and runs it under node's own runner.

import assert from "node:assert/strict";
import { test } from "node:test";
import { coverageLine, loweredBy } from "../src/coverage";
import { degradedLine } from "../src/degraded";
import { axisLabel, bucketLabel, duration, inFull, metricValue, sized } from "../src/format";
import { daysMeasured, openBucket, resolve, today } from "../src/range";

test("today is the site's own", () => {
  const evening = new Date("2024-05-15T15:30:00Z");
  assert.equal(today("Asia/Tokyo", evening), "2024-05-16");
  assert.equal(today("America/New_York", evening), "2024-05-15");
  assert.equal(openBucket("time:hour", "Asia/Tokyo", evening), "2024-05-16 00:00:00");
  assert.equal(openBucket("time:month", "Asia/Tokyo", evening), "2024-05-01");
});

test("ranges end today and are compared with as many days before", () => {
  for (const [name, dates, previous] of [
    ["day", ["2024-03-01", "2024-03-01"], ["2024-02-29", "2024-02-29"]],
    ["yesterday", ["2024-02-29", "2024-02-29"], ["2024-02-28", "2024-02-28"]],
    ["7d", ["2024-02-24", "2024-03-01"], ["2024-02-17", "2024-02-23"]],
    ["12mo", ["2023-04-01", "2024-03-01"], ["2022-04-01", "2023-03-01"]],
  ] as const) {
    const range = resolve(name, "2024-03-01");
    assert.deepEqual([range.dates, range.previous], [dates, previous], name);
  }
  assert.equal(resolve("yesterday", "2024-03-01").open, false);
});

test("a leap day a year ago is the last of February", () => {
  assert.deepEqual(resolve("12mo", "2024-02-29").previous, ["2022-03-01", "2023-02-28"]);
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
  const day = (day: number, records: number) => ({ day: `2024-05-${String(day).padStart(2, "0")}`, records, warning: "" });
  assert.equal(degradedLine([day(3, 1)]), "The hits of up to 1 request could not be opened and are missing here (May 3, 2024).");
  assert.equal(degradedLine([day(3, 5), day(4, 1_000)]), "The hits of up to 1,005 requests could not be opened and are missing here (May 3, 2024; May 4, 2024).");
  const many = [1, 2, 3, 4, 5].map((number) => day(number, 1));
  assert.equal(degradedLine(many), "The hits of up to 5 requests could not be opened and are missing here (5 days, May 1, 2024 to May 5, 2024).");
});

test("fewer than ten are shown so everywhere, and are as high as their middle", () => {
  assert.equal(metricValue("visitors", "<10"), "<10");
  assert.equal(inFull("<10"), "<10");
  assert.equal(inFull(null), "–");
  assert.deepEqual([sized("<10"), sized(20), sized(null), sized(undefined)], [5, 20, null, null]);
});
