// Package migrate makes a retrain.yaml of an s3db.js database and of what its MLPlugin was told:
//
//	database.go    what lies in the bucket: s3db.json, and the models that the plugin stored
//	script.go      the plugin's options, out of JSON or JavaScript
//	expression.go  functions of JavaScript as expressions
//	model.go       a model of the plugin as one of ours
//	plan.go        all of it, and what could not be taken over
//	yaml.go        the file
//	check.go       the dry run: the rows that each model would learn from
package migrate
