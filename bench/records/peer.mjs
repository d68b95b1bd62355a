// What s3db.js takes: node peer.mjs FILE CONNECTION JOB, with the job and the result as JSON.
import { pathToFileURL } from 'node:url';

const [file, connection, text] = process.argv.slice(2);
const job = JSON.parse(text);
console.log = console.info = console.warn = console.debug = console.error;
const { S3db, Database } = await import(pathToFileURL(file));
const db = new (S3db ?? Database)({ connectionString: connection, passphrase: 'secret', security: { passphrase: 'secret' }, verbose: false, logLevel: 'silent' });
await db.connect();
const attributes = { name: 'string', category: 'string', cost: 'number', demand: 'number', price: 'number', available: 'boolean', createdAt: 'string' };
await db.createResource({ name: 'products', attributes, partitions: { byCategory: { fields: { category: 'string' } } } });
await db.createResource({ name: 'inserted', attributes }); // references of partitions would be as many requests again
const { products, inserted } = db.resources;

const result = { seconds: [], rows: 0 };
for (let time = 0; time < (job.times || 1); time++) {
  const began = performance.now();
  if (job.do === 'insert') {
    for (let n = 0; n < job.rows; n += 1000) {
      const rows = [];
      for (let i = n; i < n + 1000; i++) {
        rows.push({ id: `p${i}`, name: `Product ${i}`, category: `category ${(i * 7919) % 20}`, cost: (i % 977) * 1.37, demand: i % 101, price: (i % 1999) * 2.11, available: i % 3 === 0, createdAt: '2026-01-01T00:00:00Z' });
      }
      await inserted.insertMany(rows);
      result.rows += rows.length;
    }
  } else if (job.do === 'read') {
    result.rows = (await products.list({ limit: job.rows })).length;
  } else if (job.do === 'getAll') {
    result.rows = (await products.getAll()).length;
  } else if (job.do === 'partition') {
    result.rows = (await products.listPartition({ partition: 'byCategory', partitionValues: { category: 'category 7' }, limit: 1e6 })).length;
  }
  result.seconds.push((performance.now() - began) / 1000);
}
result.memory = process.resourceUsage().maxRSS / 1024;
process.stdout.write(JSON.stringify(result) + '\n', () => process.exit(0));
