// Package s3io is everything that Retrain keeps in S3, which is the truth. A Bucket is four verbs and a condition; all else is
// written on them:
//
//	bucket.go    the verbs; s3.go, memory.go, prefix.go and faulty.go implement them
//	records.go   records: batches as immutable objects in a log, read back as columns; shared.go, many small ones in one object
//	index.go     what the log's old batches have become: pack.go as they were, segment.go as columns; compact.go does it
//	archive.go   what batches brought that were absorbed; find.go, records by their ids
//	s3db.go      records of databases that s3db.js wrote, which copies.go and stored.go copy; package s3db decodes them
//	files.go     records in files that others write: csv.go, jsonl.go, parquet.go
//	sources.go   whichever of the three a resource has
//	registry.go  versions, the champions' pointers and their history
//	runs.go      runs and their checkpoints
//	specs.go     what was applied; specindex.go, all of it in one object
//
// Keys, below the prefix of the configuration:
//
//	resources/.specs.json (compare-and-swap): all specs, made from those that follow
//	resources/{resource}/spec.json
//	resources/{resource}/log/{batch}.jsonl.zst, +{time}-{token}.jsonl.zst
//	resources/{resource}/index.json (compare-and-swap), packs/…, segments/…
//	resources/{resource}/s3db/{place}/{number}.jsonl.zst, {digest}.json
//	models/{model}/spec.json
//	models/{model}/runs/{run}/request.json, dataset.json, result.json, checkpoints/{sequence}
//	models/{model}/runs/tally.json (compare-and-swap): what became of the first of them
//	models/{model}/versions/{n}/variables/…, saved_model.pb, …, manifest.json (last)
//	models/{model}/champion.json (compare-and-swap), history/{sequence}.json
//
// Objects are written once, except specs, the pointers, and what an unfinished version left behind.
package s3io
