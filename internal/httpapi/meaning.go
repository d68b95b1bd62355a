package httpapi

import (
	"cmp"
	_ "embed"
	"encoding/json"
	"reflect"
	"sync"
)

// The comments of the structs that stand in the API, and of their fields, as the source has them: go test ./internal/httpapi -update
// writes them anew.
//
//go:embed meanings.json
var meaningsFile []byte

var meanings = sync.OnceValue(func() (m map[string]string) {
	if err := json.Unmarshal(meaningsFile, &m); err != nil { // a test reads it
		return nil
	}
	return m
})

// meaning returns the comment of a struct, or of a field of it that is called name in JSON, or what such fields mean everywhere; ""
// where there is neither.
func meaning(t reflect.Type, field, name string) string {
	key := t.PkgPath() + "." + t.Name()
	if field == "" {
		return meanings()[key]
	}
	return cmp.Or(meanings()[key+"."+field], everywhere[name])
}

// What fields mean that are called so, wherever they stand and need no comment of their own.
var everywhere = map[string]string{
	"model":           "the model's name",
	"resource":        "the resource's name",
	"run":             "the run, as MODEL-NUMBER",
	"version":         "the version's number",
	"state":           "where it stands",
	"type":            "the kind of learning",
	"reason":          "why the run was requested: inserts, interval, manual, import, drift",
	"why":             "the reason, for people",
	"samples":         "records that were learnt from, the holdout included",
	"epochs":          "epochs that were learnt",
	"loss":            "the loss of the last epoch, on what was learnt",
	"valLoss":         "the loss on the holdout",
	"losses":          "the loss of each epoch, on what was learnt",
	"valLosses":       "the loss of each epoch, on the holdout",
	"metrics":         "by their names, on the holdout; baseline… are those of a trivial guess",
	"features":        "the fields that it learns from",
	"target":          "the field, or fields, that it predicts",
	"trainRows":       "rows that were learnt",
	"holdoutRows":     "rows that were held out to judge by",
	"durationSeconds": "how long it took",
	"champion":        "predictions come from it",
	"pinned":          "retention leaves it alone",
	"previous":        "the version that served before; 0 for none",
	"sequence":        "the moves of a model are numbered from 1",
	"by":              "who said so",
	"requestedAt":     "when the run was requested",
	"beganAt":         "when a worker took it",
	"endedAt":         "when its verdict was written",
	"createdAt":       "when it was made",
	"createdBy":       "the id of the key that made it",
	"expiresAt":       "when it ends; without it, never",
	"error":           "what went wrong",
	"code":            "the error's name",
	"message":         "what is wrong, for people",
	"hint":            "what to do about it",
	"models":          "all of them, or those that were asked for",
	"currentEpoch":    "epochs that are done",
	"totalEpochs":     "epochs that there are to be, at most",
	"count":           "how many there are",
	"host":            "the machine's name",
	"pid":             "the process on that machine",
	"name":            "what it is called",
	"trained":         "a version serves",
	"number":          "counted from 1",
	"lastTrainedAt":   "when a run last took rows",
	"runs":            "newest first",
	"versions":        "newest first",
	"history":         "newest first",
	"device":          "what it was computed on",
	"tensorflow":      "the version of the library",
	"classes":         "as they stand in the records",
	"evalMetrics":     "by their names, on the holdout",
	"trainMetrics":    "by their names, on what was learnt",
	"started":         "when the process began",
	"role":            "what it may do: read, write (and read), admin (everything)",
}
