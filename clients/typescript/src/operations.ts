// Written by `go test ./internal/typescript -update` from docs/openapi.json: do not edit.

export interface Applied {
  applied: Array<string> | null;
  unchanged: Array<string> | null;
}

export interface Cancellation {
  model: string;
  run: string;
  state: 'queued' | 'running' | 'published' | 'rejected' | 'failed' | 'cancelled';
}

export interface Cancelled {
  cancelled: Array<Cancellation> | null;
}

export interface Changed {
  resources: Array<string> | null;
}

export interface Checkup {
  checks: Array<Finding> | null;
  ok: boolean;
}

export interface ChosenVersion {
  version: number;
}

export interface Count {
  count: number;
  resource: string;
}

export interface CreatedKey {
  createdAt: string;
  createdBy?: string;
  expiresAt?: string;
  id: string;
  key: string;
  name: string;
  resources?: Array<string>;
  role: 'read' | 'write' | 'admin';
}

export interface Curve {
  epochs: Array<number> | null;
  losses: Array<number> | null;
  valLosses?: Array<number>;
}

export interface Device {
  kind: string;
  memory?: number;
}

export interface Disposal {
  done: boolean;
  model: string;
}

export interface Drift {
  psi: Record<string, number> | null;
  rows: number;
}

export interface EarlyStopping {
  minDelta?: number;
  monitor?: string;
  patience: number;
  restoreBestWeights?: boolean;
}

export interface Error {
  code: 'ConflictError' | 'DataValidationError' | 'InsufficientDataError' | 'MLError' | 'ModelConfigError' | 'ModelNotFoundError' | 'ModelNotTrainedError' | 'NotFoundError' | 'OverloadedError' | 'PredictionError' | 'TensorFlowDependencyError' | 'TrainingError' | 'UnavailableError';
  hint?: string;
  message: string;
  needs?: number;
}

export interface Event {
  at: string;
  error?: Error;
  model?: string;
  run?: number;
  state?: 'queued' | 'running' | 'published' | 'rejected' | 'failed' | 'cancelled';
  type: string;
  version?: number;
}

export interface Field {
  kinds: Array<FieldKind> | null;
  mixed: boolean;
  name: string;
}

export interface FieldKind {
  from?: string;
  kind: string;
  to?: string;
  values: number;
}

export interface Fields {
  fields: Array<Field> | null;
  resource: string;
}

export interface FilesSource {
  bucket?: string;
  format?: string;
  prefix: string;
}

export interface Finding {
  detail: string;
  hint?: string;
  name: string;
  ok: boolean;
  warning?: boolean;
}

export interface History {
  history: Array<Move> | null;
  model: string;
}

export interface Inserted {
  batches: number;
  duplicates: number;
  inserted: number;
  resource: string;
  triggered: Array<string> | null;
}

export interface Key {
  createdAt: string;
  createdBy?: string;
  expiresAt?: string;
  id: string;
  name: string;
  resources?: Array<string>;
  role: 'read' | 'write' | 'admin';
}

export interface Keys {
  keys: Array<Key> | null;
}

export interface Layer {
  activation?: string;
  batchNormalization?: boolean;
  dropout?: number;
  units: number;
}

export interface ListedRun {
  beganAt?: string;
  durationSeconds?: number;
  endedAt?: string;
  error?: Error;
  number: number;
  reason: string;
  requestedAt: string;
  run: string;
  samples?: number;
  state: 'queued' | 'running' | 'published' | 'rejected' | 'failed' | 'cancelled';
  version?: number;
  why?: string;
}

export interface ListedVersion {
  champion: boolean;
  epochs: number;
  loss: number;
  metrics: Record<string, number> | null;
  pinned: boolean;
  reason: string;
  samples: number;
  trainedAt: string;
  valLoss?: number;
  version: number;
}

export interface Model {
  autoTrain?: boolean;
  device?: string;
  features: Array<string> | null;
  filter?: string;
  keep?: number;
  labels?: Record<string, number>;
  map?: Record<string, string>;
  maxRunTime?: string | number;
  minTrainingSamples?: number;
  modelConfig?: ModelConfig;
  name?: string;
  onMissing?: string;
  partition?: PartitionRef;
  priority?: string;
  promote?: Promote;
  resource: string;
  retrainOnDrift?: number;
  saveModel?: boolean;
  saveTrainingData?: boolean;
  seed?: number;
  target: string | Array<string> | null;
  trainAfterInserts?: number;
  trainInterval?: string | number;
  type: 'regression' | 'classification' | 'timeseries' | 'neural-network';
}

export interface ModelConfig {
  activation?: string;
  batchSize?: number;
  classWeights?: Record<string, number>;
  denseUnits?: number;
  dropout?: number;
  earlyStopping?: EarlyStopping;
  epochs?: number;
  layers?: Array<Layer>;
  learningRate?: number;
  lookback?: number;
  loss?: string;
  lstmUnits?: number;
  maxGap?: string | number;
  metrics?: Array<string>;
  momentum?: number;
  optimizer?: string;
  orderBy?: string;
  outputActivation?: string;
  outputUnits?: number;
  polynomial?: number;
  recurrentDropout?: number;
  solver?: string;
  units?: number;
  validationSplit?: number;
}

export interface ModelStatus {
  failures?: number;
  followUp?: number;
  insertsSinceTraining: number;
  lastError?: string;
  lastTrainedAt?: string;
  model: string;
  nextIntervalAt: string | null;
  pausedAt?: string;
  pausedBy?: string;
  resource: string;
  retryAt?: string;
  rowsMissing?: number;
  run?: Progress;
  setAside?: number;
  state: 'running' | 'queued' | 'paused' | 'failed' | 'trained' | 'untrained';
  trainAfterInserts: number;
  trained: boolean;
  type: 'regression' | 'classification' | 'timeseries' | 'neural-network';
  version: number;
}

export interface Models {
  models: Array<ModelStatus> | null;
}

export interface Move {
  at: string;
  by?: string;
  previous?: number;
  sequence: number;
  until?: string;
  version: number;
  why: string;
}

export interface Moved {
  model: string;
  previous: number;
  version: number;
}

export interface NewKey {
  expiresAt?: string;
  name: string;
  resources?: Array<string>;
  role?: 'read' | 'write' | 'admin';
}

export interface Origin {
  from: string;
  model?: string;
  requestedAt?: string;
  resource?: string;
  sha256: string;
  version?: number;
}

export interface PartitionRef {
  name: string;
  values: Record<string, unknown> | null;
}

export interface Pinned {
  model: string;
  pinned: Array<number> | null;
  version: number;
}

export interface Plant {
  queues: Array<QueueDepth> | null;
  servers: Array<ServerInfo> | null;
  signs: Array<Sign> | null;
}

export interface Portrait {
  bestEpoch?: number;
  by?: string;
  champion: boolean;
  championMetrics?: Record<string, number>;
  classes?: Array<string>;
  confusion?: Array<Array<number>>;
  continues?: number;
  device?: string;
  diagnosis?: unknown;
  drift?: Drift;
  durationSeconds?: number;
  epochs: number;
  featureImportance?: Record<string, number>;
  features: Array<string> | null;
  holdoutRows: number;
  interval?: unknown;
  layers?: unknown;
  losses: Array<number> | null;
  metrics: Record<string, number> | null;
  model: string;
  origin?: Origin;
  parameters: number;
  promote: Promote;
  reason: string;
  requestedAt: string;
  resource: string;
  samples: number;
  skipped: number;
  state?: 'queued' | 'running' | 'published' | 'rejected' | 'failed' | 'cancelled';
  target: Array<string> | null;
  tensorflow?: string;
  trainRows?: number;
  type: 'regression' | 'classification' | 'timeseries' | 'neural-network';
  valLosses: Array<number> | null;
  version: number;
  why?: string;
}

export interface Predictions {
  predictions: Array<unknown> | null;
  version: number;
}

export interface Problem {
  code: 'ConflictError' | 'DataValidationError' | 'InsufficientDataError' | 'MLError' | 'ModelConfigError' | 'ModelNotFoundError' | 'ModelNotTrainedError' | 'NotFoundError' | 'OverloadedError' | 'PredictionError' | 'TensorFlowDependencyError' | 'TrainingError' | 'UnavailableError';
  detail: string;
  error: string;
  errors?: Array<RecordError>;
  hint?: string;
  needs?: number;
  status: number;
  title: string;
  type: string;
}

export interface Progress {
  currentEpoch: number;
  curve?: Curve;
  estimatedRemainingSeconds: number;
  evalMetrics?: Record<string, number>;
  progressPercentage: number;
  run: string;
  samples: number;
  state: 'queued' | 'running' | 'published' | 'rejected' | 'failed' | 'cancelled';
  totalEpochs: number;
  trainMetrics?: Record<string, number>;
  why?: string;
}

export interface Promote {
  margin?: number;
  metric?: string;
  rule?: string;
}

export interface Question {
  instances: Array<Record<string, unknown>> | null;
}

export interface QueueDepth {
  active: number;
  archived: number;
  completed: number;
  leased: number;
  orphans: number;
  pending: number;
  queue: string;
  retry: number;
  scheduled: number;
}

export interface Ready {
  ready: boolean;
}

export interface RecentErrors {
  errors: Array<Event> | null;
}

export interface RecordError {
  id?: string;
  index: number;
  reason: string;
}

export interface Requested {
  model: string;
  run: string;
  state: 'queued' | 'running' | 'published' | 'rejected' | 'failed' | 'cancelled';
}

export interface Resource {
  files?: FilesSource;
  name?: string;
  partitions?: Record<string, Array<string>>;
  s3db?: S3DBSource;
  source?: string;
}

export interface Resources {
  resources: Array<Resource> | null;
}

export interface Runs {
  model: string;
  runs: Array<ListedRun> | null;
}

export interface S3DBSource {
  bucket?: string;
  passphraseEnv?: string;
  prefix?: string;
  resource?: string;
}

export interface ServerInfo {
  atOnce: number;
  busy: number;
  host: string;
  pid: number;
  queues: Array<string> | null;
  started: string;
}

export interface Sign {
  at: string;
  devices: Array<Device> | null;
  host: string;
  library?: string;
  pid: number;
  role: string;
  version: string;
}

export interface Stat {
  failures: number;
  lastTrainedAt?: string;
  metrics: Record<string, number> | null;
  model: string;
  samples: number;
  trained: boolean;
  trainings: number;
  type: 'regression' | 'classification' | 'timeseries' | 'neural-network';
  version: number;
}

export interface Stats {
  models: Array<Stat> | null;
}

export interface Steps {
  steps?: number;
}

export interface TrainedOn {
  data: Array<Record<string, unknown>> | null;
  features: Array<string> | null;
  modelName: string;
  samples: number;
  savedAt: string;
  target: string | Array<string> | null;
  version: number;
}

export interface Training {
  resetWeights?: boolean;
}

export interface Updated {
  resource: string;
  triggered: Array<string> | null;
  updated: number;
}

export interface Version {
  architecture?: unknown;
  champion: boolean;
  epochs: number;
  featureImportance?: Record<string, number>;
  features: Array<string> | null;
  loss: number;
  losses: Array<number> | null;
  metrics: Record<string, number> | null;
  model: string;
  objects: number;
  origin?: Origin;
  preparation?: unknown;
  reason: string;
  requestedAt: string;
  resource: string;
  samples: number;
  skipped: number;
  spec: Model;
  target: string | Array<string> | null;
  totalParameters: number;
  type: 'regression' | 'classification' | 'timeseries' | 'neural-network';
  valLoss?: number;
  valLosses: Array<number> | null;
  version: number;
}

export interface Versions {
  model: string;
  versions: Array<ListedVersion> | null;
}

/** What is sent beside the path. */
export interface Call {
  query?: Record<string, string | number | boolean | undefined>;
  headers?: Record<string, string | undefined>;
  body?: unknown;
  accept?: 'json' | 'lines' | 'none';
}

/** The operations of the HTTP API. A subclass says how a request is sent. */
export abstract class Operations {
  protected abstract send<T>(method: string, path: string, call: Call): Promise<T>;

  /** Says that the process lives. */
  isAlive(): Promise<Record<string, boolean>> {
    return this.send('GET', `/healthz`, {  });
  }

  /** Says whether Redis and S3 answer. */
  isReady(): Promise<Ready> {
    return this.send('GET', `/readyz`, {  });
  }

  /** Checks and stores the resources and models of a retrain.yaml, which may be JSON. */
  apply(body: Record<string, unknown> | string, options: { dryRun?: boolean } = {}): Promise<Applied> {
    return this.send('POST', `/v1/apply`, { body, query: { 'dryRun': options.dryRun } });
  }

  /** Looks whether everything that is needed is there, and fit. */
  checkUp(): Promise<Checkup> {
    return this.send('GET', `/v1/doctor`, {  });
  }

  /** Tells what went wrong lately. */
  listErrors(): Promise<RecentErrors> {
    return this.send('GET', `/v1/errors`, {  });
  }

  /** Takes events of S3, as they are, or through SNS or EventBridge. */
  notify(body: Record<string, unknown>): Promise<Changed> {
    return this.send('POST', `/v1/events/s3`, { body });
  }

  /** Lists the API keys, without their secrets. */
  listKeys(): Promise<Keys> {
    return this.send('GET', `/v1/keys`, {  });
  }

  /** Makes an API key; its secret is shown this one time. */
  createKey(body: NewKey): Promise<CreatedKey> {
    return this.send('POST', `/v1/keys`, { body });
  }

  /** Takes an API key out of service. */
  revokeKey(key: string): Promise<void> {
    return this.send('DELETE', `/v1/keys/${encodeURIComponent(key)}`, { accept: 'none' });
  }

  /** Tells how all models stand. */
  listModels(): Promise<Models> {
    return this.send('GET', `/v1/models`, {  });
  }

  /** Removes a model with its versions and runs; records and history stay. */
  disposeModel(model: string): Promise<Disposal> {
    return this.send('DELETE', `/v1/models/${encodeURIComponent(model)}`, {  });
  }

  /** Tells how a model stands. */
  getModel(model: string): Promise<ModelStatus> {
    return this.send('GET', `/v1/models/${encodeURIComponent(model)}`, {  });
  }

  /** Declares a model. */
  declareModel(model: string, body: Model): Promise<Applied> {
    return this.send('PUT', `/v1/models/${encodeURIComponent(model)}`, { body });
  }

  /** Ends the model's runs. */
  cancelModel(model: string): Promise<Cancelled> {
    return this.send('POST', `/v1/models/${encodeURIComponent(model)}/cancel`, {  });
  }

  /** Gives a version as one JSON file, with everything. */
  exportModel(model: string, options: { version?: number } = {}): Promise<Record<string, unknown>> {
    return this.send('GET', `/v1/models/${encodeURIComponent(model)}/export`, { query: { 'version': options.version } });
  }

  /** Tells what served when, and why. */
  getHistory(model: string, options: { at?: string; limit?: number } = {}): Promise<History> {
    return this.send('GET', `/v1/models/${encodeURIComponent(model)}/history`, { query: { 'at': options.at, 'limit': options.limit } });
  }

  /** Makes a version of a model that was exported, here or by MLPlugin. */
  importModel(model: string, body: Record<string, unknown>, options: { declare?: boolean } = {}): Promise<Requested> {
    return this.send('POST', `/v1/models/${encodeURIComponent(model)}/import`, { body, query: { 'declare': options.declare } });
  }

  /** Keeps the model from being trained by its triggers. */
  pause(model: string): Promise<ModelStatus> {
    return this.send('POST', `/v1/models/${encodeURIComponent(model)}/pause`, {  });
  }

  /** Keeps a version from being removed. */
  pin(model: string, body: ChosenVersion): Promise<Pinned> {
    return this.send('POST', `/v1/models/${encodeURIComponent(model)}/pin`, { body });
  }

  /** Makes a version the champion. */
  promote(model: string, body: ChosenVersion): Promise<Moved> {
    return this.send('POST', `/v1/models/${encodeURIComponent(model)}/promote`, { body });
  }

  /** Lets the model's triggers work again. */
  resume(model: string): Promise<ModelStatus> {
    return this.send('POST', `/v1/models/${encodeURIComponent(model)}/resume`, {  });
  }

  /** Goes back to what was champion before. */
  rollback(model: string, body?: Steps): Promise<Moved> {
    return this.send('POST', `/v1/models/${encodeURIComponent(model)}/rollback`, { body });
  }

  /** Lists the model's runs, newest first. */
  listRuns(model: string, options: { limit?: number; before?: number } = {}): Promise<Runs> {
    return this.send('GET', `/v1/models/${encodeURIComponent(model)}/runs`, { query: { 'limit': options.limit, 'before': options.before } });
  }

  /** Says how a model was declared. */
  getSpec(model: string): Promise<Model> {
    return this.send('GET', `/v1/models/${encodeURIComponent(model)}/spec`, {  });
  }

  /** Tells how good a model is, and how its trainings went. */
  getStats(model: string): Promise<Stat> {
    return this.send('GET', `/v1/models/${encodeURIComponent(model)}/stats`, {  });
  }

  /** Requests a run. */
  train(model: string, body?: Training): Promise<Requested> {
    return this.send('POST', `/v1/models/${encodeURIComponent(model)}/train`, { body });
  }

  /** Gives what a version was trained on, where the model says saveTrainingData. */
  getTrainingData(model: string, options: { version?: number } = {}): Promise<TrainedOn> {
    return this.send('GET', `/v1/models/${encodeURIComponent(model)}/training-data`, { query: { 'version': options.version } });
  }

  /** Lets a version be removed in its time. */
  unpin(model: string, body: ChosenVersion): Promise<Pinned> {
    return this.send('POST', `/v1/models/${encodeURIComponent(model)}/unpin`, { body });
  }

  /** Lists the model's versions, newest first. */
  listVersions(model: string): Promise<Versions> {
    return this.send('GET', `/v1/models/${encodeURIComponent(model)}/versions`, {  });
  }

  /** Tells everything about a version. */
  getVersion(model: string, version: number): Promise<Version> {
    return this.send('GET', `/v1/models/${encodeURIComponent(model)}/versions/${encodeURIComponent(version)}`, {  });
  }

  /** Gives what there is to see of a version, champion for that. */
  getPortrait(model: string, version: string): Promise<Portrait> {
    return this.send('GET', `/v1/models/${encodeURIComponent(model)}/versions/${encodeURIComponent(version)}/portrait`, {  });
  }

  /** Asks for predictions, through the queue. */
  predict(model: string, body: Question, options: { version?: number; label?: string; details?: string } = {}): Promise<Predictions> {
    return this.send('POST', `/v1/models/${encodeURIComponent(model)}:predict`, { body, query: { 'version': options.version, 'label': options.label, 'details': options.details } });
  }

  /** Tells of the workers, their devices and the queues. */
  getPlant(): Promise<Plant> {
    return this.send('GET', `/v1/plant`, {  });
  }

  /** Lists the resources, as they were declared. */
  listResources(): Promise<Resources> {
    return this.send('GET', `/v1/resources`, {  });
  }

  /** Says how a resource was declared. */
  getResource(resource: string): Promise<Resource> {
    return this.send('GET', `/v1/resources/${encodeURIComponent(resource)}`, {  });
  }

  /** Declares a resource. */
  declareResource(resource: string, body: Resource): Promise<Applied> {
    return this.send('PUT', `/v1/resources/${encodeURIComponent(resource)}`, { body });
  }

  /** Counts what is stored. */
  countRecords(resource: string, options: { partition?: string; values?: string } = {}): Promise<Count> {
    return this.send('GET', `/v1/resources/${encodeURIComponent(resource)}/count`, { query: { 'partition': options.partition, 'values': options.values } });
  }

  /** Tells which kinds of values the fields have, and since when; other sources than ours are read for it. */
  listFields(resource: string): Promise<Fields> {
    return this.send('GET', `/v1/resources/${encodeURIComponent(resource)}/fields`, {  });
  }

  /** Deletes the records with these ids. */
  deleteRecords(resource: string, body: Array<unknown>, options: { idempotencyKey?: string } = {}): Promise<Updated> {
    return this.send('DELETE', `/v1/resources/${encodeURIComponent(resource)}/records`, { body, headers: { 'Idempotency-Key': options.idempotencyKey } });
  }

  /** Gives what is stored, a record a line. */
  listRecords(resource: string, options: { limit?: number; partition?: string; values?: string } = {}): Promise<Array<Record<string, unknown>>> {
    return this.send('GET', `/v1/resources/${encodeURIComponent(resource)}/records`, { query: { 'limit': options.limit, 'partition': options.partition, 'values': options.values }, accept: 'lines' });
  }

  /** Changes fields of the records with these ids. */
  changeRecords(resource: string, body: Array<Record<string, unknown>>, options: { idempotencyKey?: string } = {}): Promise<Updated> {
    return this.send('PATCH', `/v1/resources/${encodeURIComponent(resource)}/records`, { body, headers: { 'Idempotency-Key': options.idempotencyKey } });
  }

  /** Stores records, counts them and requests the trainings that become due: all of them, or none. */
  insert(resource: string, body: Array<Record<string, unknown>>, options: { idempotencyKey?: string } = {}): Promise<Inserted> {
    return this.send('POST', `/v1/resources/${encodeURIComponent(resource)}/records`, { body, headers: { 'Idempotency-Key': options.idempotencyKey } });
  }

  /** Puts records in the place of those with their ids. */
  replaceRecords(resource: string, body: Array<Record<string, unknown>>, options: { idempotencyKey?: string } = {}): Promise<Updated> {
    return this.send('PUT', `/v1/resources/${encodeURIComponent(resource)}/records`, { body, headers: { 'Idempotency-Key': options.idempotencyKey } });
  }

  /** Deletes a record. */
  deleteRecord(resource: string, id: string, options: { idempotencyKey?: string } = {}): Promise<Updated> {
    return this.send('DELETE', `/v1/resources/${encodeURIComponent(resource)}/records/${encodeURIComponent(id)}`, { headers: { 'Idempotency-Key': options.idempotencyKey } });
  }

  /** Changes fields of a record. */
  changeRecord(resource: string, id: string, body: Record<string, unknown>, options: { idempotencyKey?: string } = {}): Promise<Updated> {
    return this.send('PATCH', `/v1/resources/${encodeURIComponent(resource)}/records/${encodeURIComponent(id)}`, { body, headers: { 'Idempotency-Key': options.idempotencyKey } });
  }

  /** Puts a record in the place of the one with this id. */
  replaceRecord(resource: string, id: string, body: Record<string, unknown>, options: { idempotencyKey?: string } = {}): Promise<Updated> {
    return this.send('PUT', `/v1/resources/${encodeURIComponent(resource)}/records/${encodeURIComponent(id)}`, { body, headers: { 'Idempotency-Key': options.idempotencyKey } });
  }

  /** Tells how a run stands. */
  getRun(run: string): Promise<ListedRun> {
    return this.send('GET', `/v1/runs/${encodeURIComponent(run)}`, {  });
  }

  /** Ends a run. */
  cancelRun(run: string): Promise<Cancelled> {
    return this.send('POST', `/v1/runs/${encodeURIComponent(run)}/cancel`, {  });
  }

  /** Tells the same of all models. */
  listStats(): Promise<Stats> {
    return this.send('GET', `/v1/stats`, {  });
  }
}
