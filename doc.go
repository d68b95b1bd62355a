// Package retrain keeps TensorFlow models trained. Records are inserted into S3; when enough have come, or enough time has
// passed, a training is due; a worker takes it, fits the model, publishes a version and announces it; predictors load the
// new version while they answer.
//
// This package is the glossary and the plot. It knows neither Redis, nor S3, nor TensorFlow: packages tasks, s3io and
// mlcore do, and the commands join them. Its files are the steps of the flow:
//
//	model.go    what is to be learnt, and from which resource
//	insert.go   a batch is stored once and counted once
//	update.go   and changed, or deleted
//	trigger.go  the count, or the clock, says that a model is due
//	request.go  a due model gets a run: one at work, at most one waiting
//	sweep.go    what got lost on the way is found again; rebuild.go, all of it from S3
//	import.go   a run that takes over what was trained elsewhere
//	run.go      what a run is, from its request to its verdict; tally.go, what became of all of them
//	data.go     which records it sees
//	fit.go      what learning is asked for, and what it answers
//	train.go    the run at work: records → fit → gate → publish → announce
//	version.go  what a run publishes, and which version is champion
//	live.go     the new champion replaces the old one under running predictions: loading.go brings it, room.go says what stays,
//	            using.go is how it is asked, drift.go how far the questions are from what was learnt
//
// Three rules explain most of the code. S3 is the truth and Redis is disposable: everything in Redis can be rebuilt from
// S3. Level, not edge: due is a pure function of state and time, and stays true until a run has taken the rows. Whoever
// writes last must still own the run: what decides is written with conditions and only goes forward.
package retrain
