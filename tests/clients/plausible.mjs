// Asks a server with a client that was made for Plausible, and prints what it understood.
import module from "plausible";

const Plausible = module.default ?? module;
const [url, token, site] = process.argv.slice(2);
const client = new Plausible(token, site, url);

const refused = await client.getBreakdown("7d", "visit_duration", "event:page").catch((error) => error.message);

console.log(
  JSON.stringify({
    realtime: await client.getRealtime(),
    aggregate: await client.getAggregate("7d", "visitors", true),
    filtered: await client.getAggregate("7d", "pageviews", false, "event:page==/pricing"),
    timeseries: await client.getTimeseries("7d", "visitors", null, "date"),
    breakdown: await client.getBreakdown("7d", "visitors", "event:page", null, 10, 1),
    goals: await client.getBreakdown("7d", "visitors", "event:goal"),
    refused,
  }),
);
