export * from './operations.js';
export { Retrain, RetrainError } from './client.js';
export type { Happened, Options } from './client.js';
