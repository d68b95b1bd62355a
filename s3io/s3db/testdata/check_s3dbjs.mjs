// What s3db.js itself reads from a database, as one JSON object on stdout:
//
//   node check_s3dbjs.mjs MODULE CONNECTION PASSPHRASE < wanted.json
//
// MODULE is a file that exports S3db or Database. wanted.json names what is read: {"resources": […], "partitions": [{"resource",
// "partition", "values"}]}. Each record is asked for by its id, since list() ends at 1,000 records.
import { pathToFileURL } from 'node:url';
import { readFileSync } from 'node:fs';

const [module, connection, passphrase] = process.argv.slice(2);
console.log = console.info = console.warn = console.debug = console.error; // it talks on stdout
process.on("uncaughtException", (e) => { console.error(e); process.exit(1); });
const { S3db, Database } = await import(pathToFileURL(module));
const wanted = JSON.parse(readFileSync(0, 'utf8'));
const db = new (S3db ?? Database)({ connectionString: connection, passphrase, security: { passphrase }, verbose: false, logLevel: 'silent' });
await db.connect();

const answer = { records: {}, partitions: [] };
for (const name of wanted.resources) {
  const resource = db.resources[name];
  answer.records[name] = [];
  for (const id of await resource.listIds({ limit: 1e6 })) answer.records[name].push(await resource.get(id));
}
for (const { resource, partition, values } of wanted.partitions) {
  const ids = await db.resources[resource].listIds({ partition, partitionValues: values, limit: 1e6 });
  answer.partitions.push(ids);
}
process.stdout.write(JSON.stringify(answer), () => process.exit(0)); // it keeps timers
