// A shop with an MLPlugin, as its owner would write it. The tests read this file as a configuration, and made
// testdata/{13,21}.json by running it against s3db.js 13 and 21:
//
//	node shop.mjs DATABASE-MODULE PLUGIN-MODULE CONNECTION
import { pathToFileURL } from 'node:url';

const HOUR = 60 * 60 * 1000;
const common = { autoTrain: true, saveTrainingData: true };

export const options = {
  minTrainingSamples: 12,
  verbose: false,
  models: {
    priceOf: {
      ...common,
      type: 'regression',
      resource: 'products',
      features: ['cost', 'logDemand', 'premium'],
      target: 'price',
      partition: { name: 'byCategory', values: { category: 'toys' } },
      filter: (r) => r.price > 0 && r.price < 10_000 && !r.discontinued,
      map: (r) => ({
        ...r,
        logDemand: Math.log(r.demand + 1),
        premium: r.cost > 100 ? 1 : 0,
      }),
      trainAfterInserts: 50,
      trainInterval: 24 * HOUR,
      modelConfig: { epochs: 3, batchSize: 16, learningRate: 0.05, polynomial: 2, units: 8, shuffle: false },
    },
    'spam filter': {
      type: 'classification',
      resource: 'emails',
      features: ['words', 'links'],
      target: 'label',
      filter({ words, lang }) {
        if (words < 3) return false;
        const known = ['en', 'pt'];
        return known.includes(lang);
      },
      modelConfig: { epochs: 2, units: 8, dropout: 0.1 },
    },
    takings: {
      type: 'timeseries',
      resource: 'sales',
      features: ['weekday'],
      target: 'revenue',
      autoTrain: true,
      trainInterval: HOUR,
      modelConfig: { epochs: 1, lookback: 5, lstmUnits: 4, denseUnits: 4 },
    },
    net: {
      type: 'neural-network',
      resource: 'products',
      features: ['cost', 'demand'],
      target: 'price',
      filter: (r) => somewhereElse(r),
      modelConfig: { epochs: 2, layers: [{ units: 8, activation: 'relu', dropout: 0.1 }, { units: 4 }], metrics: ['mse'], callbacks: [] },
    },
  },
};

function somewhereElse(r) {
  return r.cost > 0;
}

async function main([module, plugin, connection]) {
  const talk = console.log;
  console.log = console.info = console.warn = console.debug = () => {};
  const { Database, S3db } = await import(pathToFileURL(module));
  const { MLPlugin } = await import(pathToFileURL(plugin));
  const db = new (S3db ?? Database)({ connectionString: connection, verbose: false, logLevel: 'silent' });
  await db.connect();
  const by = (field) => ({ fields: { [field]: 'string' } });
  const products = await db.createResource({
    name: 'products', timestamps: true, asyncPartitions: false, partitions: { byCategory: by('category') },
    attributes: { name: 'string|required', category: 'string|required', cost: 'number|required', demand: 'number|required', price: 'number|required', discontinued: 'boolean', supplier: 'secret' },
  });
  const emails = await db.createResource({ name: 'emails', attributes: { words: 'number', links: 'number', lang: 'string', label: 'string|required' } });
  const sales = await db.createResource({ name: 'sales', attributes: { date: 'string|required', weekday: 'number', revenue: 'number|required' } });
  for (let i = 0; i < 40; i++) {
    const cost = 20 + 7 * i, demand = 1000 - 13 * i;
    await products.insert({ name: `p${i}`, category: i % 2 ? 'toys' : 'tools', cost, demand, price: 1.4 * cost + demand / 50, discontinued: i % 10 === 9, supplier: 'nobody knows' });
    await emails.insert({ words: (i % 8) + 1, links: i % 5, lang: ['en', 'pt', 'de'][i % 3], label: i % 5 > 2 ? 'spam' : 'ham' });
  }
  for (let i = 0; i < 30; i++) await sales.insert({ date: new Date(Date.UTC(2026, 0, 1 + i)).toISOString().slice(0, 10), weekday: i % 7, revenue: 100 + 10 * (i % 7) });
  const ml = new MLPlugin(options);
  await db.usePlugin(ml);
  for (const name of Object.keys(options.models)) {
    try {
      await ml.train(name);
    } catch (e) {
      talk(name, e.message);
    }
  }
}

if (process.argv.length > 4) main(process.argv.slice(2)).then(() => process.exit(0), (e) => { console.error(e); process.exit(1); });
