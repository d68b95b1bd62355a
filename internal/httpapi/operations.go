package httpapi

import (
	"net/http"
	"slices"

	"retrain"
	"retrain/api"
	"retrain/internal/app"
)

const ndjson, eventStream = "application/x-ndjson", "text/event-stream"

var (
	whichVersion = Parameter{Name: "version", Means: "this version; the champion by default", Of: 0, Least: "1"}
	whichLabel   = Parameter{Name: "label", Means: "the version with this label: champion, previous, or one that the model declares", Of: ""}
	withDetails  = Parameter{Name: "details", Means: "true, or some of confidence,probabilities,interval", Of: ""}
	ofPartition  = []Parameter{
		{Name: "partition", Means: "only those of the partition of this name", Of: ""},
		{Name: "values", Means: "the partition's values, as category=electronics,region=eu", Of: ""},
	}
)

// Operations returns what the control server does. The table is what it is made from, and its description.
func (c *Control) Operations() []Operation {
	return slices.Concat(c.recordOperations(), c.modelOperations(), c.versionOperations(), c.otherOperations())
}

func (c *Control) recordOperations() []Operation {
	const records = "/v1/resources/{resource}/records"
	return []Operation{
		{Method: http.MethodGet, Path: "/v1/resources", Name: "listResources", Does: "lists the resources, as they were declared", Needs: api.RoleRead, Filters: true,
			Gives: api.Resources{}, Do: c.resources},
		{Method: http.MethodGet, Path: "/v1/resources/{resource}", Name: "getResource", Does: "says how a resource was declared", Needs: api.RoleRead, Gives: retrain.Resource{}, Do: c.resource},
		{Method: http.MethodPut, Path: "/v1/resources/{resource}", Name: "declareResource", Does: "declares a resource", Needs: api.RoleAdmin,
			Takes: retrain.Resource{}, Gives: api.Applied{}, Do: c.declareResource},
		{Method: http.MethodGet, Path: records, Name: "listRecords", Does: "gives what is stored, a record a line", Needs: api.RoleRead,
			Query: append([]Parameter{{Name: "limit", Means: "at most so many, 0 for all; 1000 by default", Of: 0, Least: "0"}}, ofPartition...), Gives: retrain.Record{}, As: ndjson, Stream: c.listRecords},
		{Method: http.MethodGet, Path: "/v1/resources/{resource}/count", Name: "countRecords", Does: "counts what is stored", Needs: api.RoleRead, Query: ofPartition, Gives: api.Count{}, Do: c.count},
		{Method: http.MethodGet, Path: "/v1/resources/{resource}/fields", Name: "listFields", Does: "tells which kinds of values the fields have, and since when; other sources than ours are read for it",
			Needs: api.RoleRead, Gives: api.Fields{}, Do: c.fields},
		{Method: http.MethodPost, Path: records, Name: "insert", Does: "stores records, counts them and requests the trainings that become due: all of them, or none", Needs: api.RoleWrite,
			Takes: []retrain.Record{}, Gives: retrain.Inserted{}, Do: c.insert},
		{Method: http.MethodPut, Path: records, Name: "replaceRecords", Does: "puts records in the place of those with their ids", Needs: api.RoleWrite, Takes: []retrain.Record{}, Gives: retrain.Updated{}, Do: c.replace},
		{Method: http.MethodPatch, Path: records, Name: "changeRecords", Does: "changes fields of the records with these ids", Needs: api.RoleWrite, Takes: []retrain.Record{}, Gives: retrain.Updated{}, Do: c.change},
		{Method: http.MethodDelete, Path: records, Name: "deleteRecords", Does: "deletes the records with these ids", Needs: api.RoleWrite, Takes: []any{}, Gives: retrain.Updated{}, Do: c.remove},
		{Method: http.MethodPut, Path: records + "/{id}", Name: "replaceRecord", Does: "puts a record in the place of the one with this id", Needs: api.RoleWrite, Takes: retrain.Record{}, Gives: retrain.Updated{}, Do: c.replace},
		{Method: http.MethodPatch, Path: records + "/{id}", Name: "changeRecord", Does: "changes fields of a record", Needs: api.RoleWrite, Takes: retrain.Record{}, Gives: retrain.Updated{}, Do: c.change},
		{Method: http.MethodDelete, Path: records + "/{id}", Name: "deleteRecord", Does: "deletes a record", Needs: api.RoleWrite, Gives: retrain.Updated{}, Do: c.remove},
	}
}

func (c *Control) modelOperations() []Operation {
	const model = "/v1/models/{model}"
	return []Operation{
		{Method: http.MethodGet, Path: "/v1/models", Name: "listModels", Does: "tells how all models stand", Needs: api.RoleRead, Filters: true, Gives: api.Models{}, Do: c.models},
		{Method: http.MethodGet, Path: model, Name: "getModel", Does: "tells how a model stands", Needs: api.RoleRead, Gives: retrain.ModelStatus{}, Do: c.model},
		{Method: http.MethodGet, Path: model + "/spec", Name: "getSpec", Does: "says how a model was declared", Needs: api.RoleRead, Gives: retrain.Model{}, Do: c.spec},
		{Method: http.MethodPut, Path: model, Name: "declareModel", Does: "declares a model", Needs: api.RoleAdmin, Takes: retrain.Model{}, Gives: api.Applied{}, Do: c.declareModel},
		{Method: http.MethodDelete, Path: model, Name: "disposeModel", Does: "removes a model with its versions and runs; records and history stay", Needs: api.RoleAdmin, Gives: api.Disposal{}, Do: c.dispose},
		{Method: http.MethodPost, Path: model + "/train", Name: "train", Does: "requests a run", Needs: api.RoleWrite, Takes: api.Training{}, Gives: api.Requested{}, Do: c.train},
		{Method: http.MethodPost, Path: model + "/cancel", Name: "cancelModel", Does: "ends the model's runs", Needs: api.RoleWrite, Gives: api.Cancelled{}, Do: c.cancel},
		{Method: http.MethodPost, Path: model + "/pause", Name: "pause", Does: "keeps the model from being trained by its triggers", Needs: api.RoleWrite, Gives: retrain.ModelStatus{}, Do: c.pause},
		{Method: http.MethodPost, Path: model + "/resume", Name: "resume", Does: "lets the model's triggers work again", Needs: api.RoleWrite, Gives: retrain.ModelStatus{}, Do: c.resume},
		{Method: http.MethodGet, Path: model + "/stats", Name: "getStats", Does: "tells how good a model is, and how its trainings went", Needs: api.RoleRead, Gives: api.Stat{}, Do: c.stat},
		{Method: http.MethodGet, Path: "/v1/stats", Name: "listStats", Does: "tells the same of all models", Needs: api.RoleRead, Filters: true, Gives: api.Stats{}, Do: c.stats},
		{Method: http.MethodPost, Path: model + ":predict", Name: "predict", Does: "asks for predictions, through the queue", Needs: api.RoleRead, Query: []Parameter{whichVersion, whichLabel, withDetails},
			Takes: api.Question{}, Gives: api.Predictions{}, Do: c.predict},
		{Method: http.MethodGet, Path: model + "/runs", Name: "listRuns", Does: "lists the model's runs, newest first", Needs: api.RoleRead,
			Query: []Parameter{{Name: "limit", Means: "at most so many, 0 for all; 20 by default", Of: 0, Least: "0"}, {Name: "before", Means: "only runs with smaller numbers", Of: 0, Least: "0"}}, Gives: api.Runs{}, Do: c.runs},
		{Method: http.MethodGet, Path: "/v1/runs/{run}", Name: "getRun", Does: "tells how a run stands", Needs: api.RoleRead, Gives: api.ListedRun{}, Do: c.run},
		{Method: http.MethodPost, Path: "/v1/runs/{run}/cancel", Name: "cancelRun", Does: "ends a run", Needs: api.RoleWrite, Gives: api.Cancelled{}, Do: c.cancel},
	}
}

func (c *Control) versionOperations() []Operation {
	const model = "/v1/models/{model}"
	return []Operation{
		{Method: http.MethodGet, Path: model + "/versions", Name: "listVersions", Does: "lists the model's versions, newest first", Needs: api.RoleRead, Gives: api.Versions{}, Do: c.versions},
		{Method: http.MethodGet, Path: model + "/versions/{version}", Name: "getVersion", Does: "tells everything about a version", Needs: api.RoleRead, Gives: api.Version{}, Do: c.version},
		{Method: http.MethodGet, Path: model + "/versions/{version}/portrait", Name: "getPortrait", Does: "gives what there is to see of a version, champion for that", Needs: api.RoleRead,
			Gives: app.Portrait{}, Do: c.portrait},
		{Method: http.MethodPost, Path: model + "/promote", Name: "promote", Does: "makes a version the champion", Needs: api.RoleWrite, Takes: api.ChosenVersion{}, Gives: api.Moved{}, Do: c.promote},
		{Method: http.MethodPost, Path: model + "/rollback", Name: "rollback", Does: "goes back to what was champion before", Needs: api.RoleWrite, Takes: api.Steps{}, Gives: api.Moved{}, Do: c.rollback},
		{Method: http.MethodPost, Path: model + "/pin", Name: "pin", Does: "keeps a version from being removed", Needs: api.RoleWrite, Takes: api.ChosenVersion{}, Gives: api.Pinned{}, Do: c.pin},
		{Method: http.MethodPost, Path: model + "/unpin", Name: "unpin", Does: "lets a version be removed in its time", Needs: api.RoleWrite, Takes: api.ChosenVersion{}, Gives: api.Pinned{}, Do: c.unpin},
		{Method: http.MethodGet, Path: model + "/history", Name: "getHistory", Does: "tells what served when, and why", Needs: api.RoleRead,
			Query: []Parameter{{Name: "at", Means: "only what served then, as 2026-03-01T12:00:00Z", Of: ""}, {Name: "limit", Means: "at most so many; all by default", Of: 0, Least: "0"}}, Gives: api.History{}, Do: c.history},
		{Method: http.MethodGet, Path: model + "/training-data", Name: "getTrainingData", Does: "gives what a version was trained on, where the model says saveTrainingData", Needs: api.RoleRead,
			Query: []Parameter{whichVersion}, Gives: api.TrainedOn{}, Stream: c.trainingData},
		{Method: http.MethodGet, Path: model + "/export", Name: "exportModel", Does: "gives a version as one JSON file, with everything", Needs: api.RoleRead,
			Query: []Parameter{whichVersion}, Gives: map[string]any{}, Stream: c.export},
		{Method: http.MethodPost, Path: model + "/import", Name: "importModel", Does: "makes a version of a model that was exported, here or by MLPlugin", Needs: api.RoleAdmin,
			Query: []Parameter{{Name: "declare", Means: "true: declare the model as the file says, if it is not", Of: false}}, Takes: map[string]any{}, Gives: api.Requested{}, Do: c.importModel},
	}
}

func (c *Control) otherOperations() []Operation {
	return []Operation{
		{Method: http.MethodPost, Path: "/v1/apply", Name: "apply", Does: "checks and stores the resources and models of a retrain.yaml, which may be JSON", Needs: api.RoleAdmin,
			Query: []Parameter{{Name: "dryRun", Means: "true: only check", Of: false}}, Takes: map[string]any{}, Gives: api.Applied{}, Do: c.apply},
		{Method: http.MethodGet, Path: "/v1/events", Name: "followEvents", Does: "tells what happens, as server-sent events; Last-Event-ID goes on after one", Needs: api.RoleRead, Filters: true,
			Query: []Parameter{{Name: "after", Means: "go on after the event of this id", Of: ""}}, Gives: retrain.Event{}, As: eventStream, Stream: c.follow},
		{Method: http.MethodGet, Path: "/v1/stream", Name: "followModels", Does: "tells how all models stand whenever that changes, as server-sent events", Needs: api.RoleRead, Filters: true,
			Query: []Parameter{{Name: "model", Means: "this model alone, with the curve of its run", Of: ""}, {Name: "changes", Means: "true: what has changed alone", Of: false}},
			Gives: api.Models{}, As: eventStream, Stream: c.stream},
		{Method: http.MethodGet, Path: "/v1/plant", Name: "getPlant", Does: "tells of the workers, their devices and the queues", Needs: api.RoleRead, Gives: app.Plant{}, Do: c.plant},
		{Method: http.MethodGet, Path: "/v1/errors", Name: "listErrors", Does: "tells what went wrong lately", Needs: api.RoleRead, Gives: api.RecentErrors{}, Do: c.recentErrors},
		{Method: http.MethodPost, Path: "/v1/events/s3", Name: "notify", Does: "takes events of S3, as they are, or through SNS or EventBridge", Needs: api.RoleWrite,
			Takes: map[string]any{}, Gives: api.Changed{}, Status: http.StatusAccepted, Nothing: true, Do: c.s3Events},
		{Method: http.MethodGet, Path: "/v1/keys", Name: "listKeys", Does: "lists the API keys, without their secrets", Needs: api.RoleAdmin, Gives: api.Keys{}, Do: c.keys},
		{Method: http.MethodPost, Path: "/v1/keys", Name: "createKey", Does: "makes an API key; its secret is shown this one time", Needs: api.RoleAdmin,
			Takes: api.NewKey{}, Gives: api.CreatedKey{}, Status: http.StatusCreated, Do: c.createKey},
		{Method: http.MethodDelete, Path: "/v1/keys/{key}", Name: "revokeKey", Does: "takes an API key out of service", Needs: api.RoleAdmin, Do: c.revokeKey},
		{Method: http.MethodGet, Path: "/v1/doctor", Name: "checkUp", Does: "looks whether everything that is needed is there, and fit", Needs: api.RoleRead, Gives: api.Checkup{}, Do: c.doctor},
		{Method: http.MethodGet, Path: "/healthz", Name: "isAlive", Does: "says that the process lives", Gives: map[string]bool{}, Stream: healthz},
		{Method: http.MethodGet, Path: "/readyz", Name: "isReady", Does: "says whether Redis and S3 answer", Gives: api.Ready{}, Do: c.ready},
	}
}
