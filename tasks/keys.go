package tasks

import "retrain"

// The braces make all keys of one model live on one node of a cluster, so that a script may change them together.

// modelKey begins every key of a model.
func modelKey(model, what string) string { return "retrain:{" + model + "}:" + what }

// stateKey: HASH of the fields in state.go. A model without it has to be rebuilt from S3.
func stateKey(model string) string { return modelKey(model, "state") }

// pendingKey: HASH batch -> rows. Counted, and no run has taken them.
func pendingKey(model string) string { return modelKey(model, "pending") }

// takenKey: HASH batch -> rows, "" where the rows are not known yet. What the run at work learns from.
func takenKey(model string) string { return modelKey(model, "taken") }

// learntKey: SET of batches that an ended run has learnt from.
func learntKey(model string) string { return modelKey(model, "learnt") }

// foldedKey: HASH batch -> absorption, empty where it was rebuilt. The latest of those that were put together, by which one that is counted
// late is known; those before them are under another key. Both are bounded.
func foldedKey(model, generation string) string { return modelKey(model, "folded:"+generation) }

// foldKeys are what the scripts take as KEYS[1] to KEYS[6] that know of folded batches.
func foldKeys(model string) []string {
	return append(bookKeys(model), foldedKey(model, "latest"), foldedKey(model, "before"))
}

// progressKey: STRING, a retrain.Progress as JSON; it expires unless it is renewed.
func progressKey(model string) string { return modelKey(model, "progress") }

// driftKey: STRING, how far the model's questions have drifted, as a number, where they have most; it expires unless a predictor says so again.
func driftKey(model string) string { return modelKey(model, "drift") }

// driftsKey: STRING, a retrain.Drift as JSON: the same by feature; it expires as driftKey does.
func driftsKey(model string) string { return modelKey(model, "drifts") }

// driftedKey: HASH of predictor -> when it said so, and how far the questions to it have drifted; it expires as driftKey does.
func driftedKey(model string) string { return modelKey(model, "drifted") }

// stagedKey: HASH or SET as taken and learnt, of a rebuilding that is still under way; it expires.
func stagedKey(model, token, what string) string { return modelKey(model, "rebuild:"+token+":"+what) }

// leaseKey: STRING, the token of the worker that has the run; it expires within seconds unless it is renewed.
func leaseKey(id retrain.RunID) string { return modelKey(id.Model, "lease:"+id.String()) }

// signsKey: HASH of process -> Sign as JSON. Who reads it leaves out those that are old, and removes those that are very old.
const signsKey = "retrain:signs"

// eventsKey: STREAM of number, event. The latest events, the oldest are dropped.
const eventsKey = "retrain:events"

// questionKey: STRING, the records to predict as JSON; it expires when nobody waits for the answer any more.
func questionKey(id string) string { return "retrain:question:" + id }

// answerKey: LIST with one element, the answer to a question as JSON; it expires.
func answerKey(id string) string { return "retrain:answer:" + id }

// bulkKey: LIST of numbers, the chunks of a bulk that were answered and not heard of yet; it expires.
func bulkKey(bulk string) string { return "retrain:bulk:" + bulk }

// chunkKey: STRING, a worker's sign of life while it answers a chunk; it expires within seconds unless it is renewed.
func chunkKey(c retrain.Chunk) string { return "retrain:chunk:" + c.String() }

// bookKeys are what the ledger's scripts take as KEYS[1] to KEYS[4].
func bookKeys(model string) []string {
	return []string{stateKey(model), pendingKey(model), takenKey(model), learntKey(model)}
}
