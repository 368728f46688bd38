// What a user of @clickhouse/client does: DDL, inserts, parameters, a large selection, errors. Fails by an assertion.

import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import { Readable } from 'node:stream'

const { createClient, ClickHouseError } = createRequire(`${process.env.NODE_CLIENT}/`)('@clickhouse/client')
const url = process.argv[2]

const fails = async (code, call) => {
  const error = await call().then(() => assert.fail(`no error ${code}`), (error) => error)
  assert.ok(error instanceof ClickHouseError && error.code === String(code), `${error.code} ${error.message}`)
}

const server = createClient({ url })
assert.equal((await server.ping()).success, true)
await server.command({ query: 'CREATE DATABASE js' })
const client = createClient({ url, database: 'js', compression: { request: true, response: true } })
await client.command({
  query: `CREATE TABLE t (name String, n Int64, tags Array(String)) ENGINE = MergeTree ORDER BY n
          SETTINGS non_replicated_deduplication_window = 100`,
})

// Inserts: values, a stream of objects, CSV, a selection.
const rows = Array.from({ length: 10_000 }, (_, n) => ({ name: `name ${n}`, n, tags: ['a', 'b'] }))
const inserted = await client.insert({ table: 't', values: rows, format: 'JSONEachRow' })
assert.equal(inserted.summary?.written_rows, '10000')
await client.insert({ table: 't', values: Readable.from(rows.map((row) => ({ ...row, n: row.n + 10_000 }))), format: 'JSONEachRow' })
await client.insert({ table: 't', values: [['csv', 1, "['x']"]], columns: ['name', 'n'], format: 'JSONCompactEachRow' })
  .then(() => assert.fail('three values for two columns'), (error) => assert.ok(error instanceof ClickHouseError))
await client.insert({ table: 't', values: [['compact', 5]], columns: ['name', 'n'], format: 'JSONCompactEachRow' })
await client.command({ query: "INSERT INTO t (name, n) VALUES ('value', 6), ('value', 7)" })
await client.command({ query: "INSERT INTO t (name, n) SELECT 'selected', number FROM numbers(3)" })
for (let twice = 0; twice < 2; twice += 1) {
  await client.insert({
    table: 't', values: [{ name: 'token', n: 1 }], format: 'JSONEachRow',
    clickhouse_settings: { insert_deduplication_token: 'one' },
  })
}
const counted = await client.query({ query: 'SELECT count()::Int32 AS rows FROM t', format: 'JSONEachRow' })
assert.deepEqual(await counted.json(), [{ rows: 20_007 }])

// Parameters and settings.
const name = "it's a \\ 'name'\n\t"
const bound = await client.query({
  query: 'SELECT {name:String} AS name, {list:Array(String)} AS list, {n:Int32} + 1 AS n, {none:Nullable(String)} AS none',
  query_params: { name, list: ['x', "y'z"], n: 5, none: null },
  format: 'JSON',
})
assert.equal(bound.response_headers['x-clickhouse-format'], 'JSON')
const { data, statistics } = await bound.json()
assert.deepEqual(data, [{ name, list: ['x', "y'z"], n: 6, none: null }].map((row) => ({ ...row, n: data[0].n })))
assert.equal(Number(data[0].n), 6)
assert.ok(statistics)
const setting = await client.query({
  query: "SELECT getSetting('max_block_size') AS size", clickhouse_settings: { max_block_size: '99' }, format: 'JSONEachRow',
})
assert.equal(String((await setting.json())[0].size), '99')

// A large selection as a stream.
const large = await client.query({ query: 'SELECT number FROM numbers(1000000)', format: 'JSONCompactEachRow' })
let count = 0
let total = 0
for await (const part of large.stream()) {
  for (const row of part) {
    count += 1
    total += Number(row.json()[0])
  }
}
assert.deepEqual([count, total], [1_000_000, 499_999_500_000])

// Sessions and errors.
const session = createClient({ url, session_id: 'scratch' })
await session.command({ query: 'CREATE TEMPORARY TABLE scratch (x Int32)' })
await session.insert({ table: 'scratch', values: [{ x: 1 }, { x: 2 }], format: 'JSONEachRow' })
const sum = await session.query({ query: 'SELECT sum(x) AS sum FROM scratch', format: 'JSONEachRow' })
assert.equal(Number((await sum.json())[0].sum), 3)
await fails(60, () => client.query({ query: 'SELECT * FROM nowhere' }))
await fails(62, () => client.command({ query: 'SELEC 1' }))
await fails(81, () => createClient({ url, database: 'nowhere' }).query({ query: 'SELECT 1' }))
await fails(60, () => client.insert({ table: 'nowhere', values: rows, format: 'JSONEachRow' }))
await fails(516, () => createClient({ url, password: 'wrong' }).query({ query: 'SELECT 1' }))
await client.command({ query: 'DROP DATABASE js' })
await Promise.all([server, client, session].map((open) => open.close()))
