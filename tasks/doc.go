// Package tasks is everything of Retrain that lives in Redis: the count of what models have not learnt yet, the queue of
// runs and the workers that serve it, the lease that gives a run one worker, the stream of events, and predictions that are
// asked through the queue.
//
//	conn.go     one connection for all of them; check.go what doctor asks of the server
//	keys.go     every key, its type and its meaning
//	ledger.go   what a model has not learnt yet; runledger.go, sweepledger.go as a run and a sweep see it
//	lease.go    one worker per run
//	queue.go    runs as asynq tasks
//	worker.go   who serves them; middleware.go what a retry can mend
//	stream.go   events
//	predict.go  a question through the queue; answer.go its answer
//	stats.go    how much waits, and who serves
//	lua/        the scripts: each changes one model's keys at once
//
// Redis is disposable: whatever is lost here is found again in S3 by a sweep. It must not evict keys by itself, though
// (maxmemory-policy noeviction), since a half of the truth is worse than none.
package tasks
