package migrate

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"retrain"
	"retrain/mlcore/portable"
	"retrain/s3io"
	"retrain/s3io/s3db"
)

// A Database is what lies in the bucket.
type Database struct {
	Bucket    string // by name
	Prefix    string
	Version   string     // of the s3db.js that wrote it; "" where it does not say
	Resources []Resource // sorted by name
	Stored    []Stored   // models that the plugin stored, the latest of each; sorted by name
}

// A Resource is one of the database.
type Resource struct {
	Name       string
	Attributes map[string]string   // definitions, by dotted path
	Partitions map[string][]string // fields, by name
	Short      bool                // attributes are stored under names by their place, as version 13 does
}

// A Stored model is what the plugin keeps of one. It knows neither filter, map, partition nor triggers.
type Stored struct {
	Name    string
	Key     string // of the object, below the prefix
	Version int    // 0 where it had no versions
	weights error  // why the object makes no version here; nil: it does
	config  *object
}

// Read reads a database. bucket is the whole bucket of that name. Where no s3db.json lies under the prefix the error is a
// NotFoundError that names the places where one does.
func Read(ctx context.Context, bucket s3io.Bucket, name, prefix string) (*Database, error) {
	db := &Database{Bucket: name, Prefix: strings.Trim(prefix, "/")}
	under := s3io.Under(bucket, db.Prefix)
	text, _, err := under.Get(ctx, s3db.MetadataKey)
	if errors.Is(err, retrain.NotFoundError) {
		return nil, nearby(ctx, bucket, db, err)
	} else if err != nil {
		return nil, err
	}
	if _, err := s3db.Parse(text); err != nil { // what reads the records must understand it
		return nil, err
	}
	if err := db.read(text); err != nil {
		return nil, err
	}
	return db, db.stored(ctx, under)
}

// nearby tells where databases are in the bucket, as far as one listing of folders shows.
func nearby(ctx context.Context, bucket s3io.Bucket, db *Database, cause error) error {
	place := strings.TrimSuffix("s3://"+db.Bucket+"/"+db.Prefix, "/")
	e := retrain.Errorf(retrain.NotFoundError, "there is no database under %s: no %s", place, s3db.MetadataKey)
	var found []string
	for o, err := range bucket.List(ctx, s3io.Listing{Prefix: "", Delimiter: "/"}) {
		if err != nil || len(found) == 5 {
			break
		}
		if folder, is := strings.CutSuffix(o.Key, "/"); is {
			if _, _, err := bucket.Get(ctx, o.Key+s3db.MetadataKey); err == nil {
				found = append(found, "s3://"+db.Bucket+"/"+folder)
			}
		} else if o.Key == s3db.MetadataKey {
			found = append(found, "s3://"+db.Bucket)
		}
	}
	if len(found) > 0 {
		return e.WithHint("there is one under %s", strings.Join(found, ", "))
	}
	if code := retrain.CodeOf(cause); code != retrain.NotFoundError {
		return cause
	}
	return e.WithHint("the address is s3://BUCKET/PREFIX, as in the connection string of s3db.js")
}

func (db *Database) read(text []byte) error {
	var file struct {
		Version   string `json:"s3dbVersion"`
		Resources map[string]struct {
			Current    string `json:"currentVersion"`
			Partitions map[string]struct {
				Fields map[string]string `json:"fields"`
			} `json:"partitions"`
			Versions map[string]struct {
				Attributes map[string]any `json:"attributes"`
			} `json:"versions"`
			Registry json.RawMessage `json:"schemaRegistry"`
		} `json:"resources"`
	}
	if err := json.Unmarshal(text, &file); err != nil {
		return retrain.Errorf(retrain.DataValidationError, "%s: %w", s3db.MetadataKey, err)
	}
	if strings.ContainsAny(file.Version, "0123456789") { // else it is a word, as of one that runs from its source
		db.Version = file.Version
	}
	for _, name := range slices.Sorted(maps.Keys(file.Resources)) {
		r := Resource{Name: name, Attributes: make(map[string]string), Partitions: make(map[string][]string)}
		theirs := file.Resources[name]
		r.Short = len(theirs.Registry) == 0
		for p, def := range theirs.Partitions {
			if len(def.Fields) > 0 {
				r.Partitions[p] = slices.Sorted(maps.Keys(def.Fields))
			}
		}
		flatten(r.Attributes, "", theirs.Versions[theirs.Current].Attributes)
		db.Resources = append(db.Resources, r)
	}
	return nil
}

// flatten puts the leaves of a tree of attributes into flat, by their paths.
func flatten(flat map[string]string, path string, tree map[string]any) {
	for name, v := range tree {
		switch v := v.(type) {
		case string:
			flat[path+name] = v
		case map[string]any:
			if kind, ok := v["type"].(string); ok {
				flat[path+name] = kind
			} else {
				flatten(flat, path+name+".", v)
			}
		}
	}
}

// A stored model is resource={resource}/plugin={slug}/models/{model}/v{n}, or …/latest.
var storedKey = regexp.MustCompile(`^resource=[^/]+/plugin=[^/]+/models/(.+)/(?:v(\d+)|latest)$`)

// The most bytes that a stored model is read of.
const mostStored = 64 << 20

// stored finds the models that the plugin stored.
func (db *Database) stored(ctx context.Context, under s3io.Bucket) error {
	latest := make(map[string]Stored)
	for _, r := range db.Resources {
		for o, err := range under.List(ctx, s3io.Listing{Prefix: "resource=" + r.Name + "/plugin="}) {
			if err != nil {
				return err
			}
			m := storedKey.FindStringSubmatch(o.Key)
			if m == nil || o.Size > mostStored {
				continue
			}
			n, _ := strconv.Atoi(m[2]) // digits
			if was, known := latest[m[1]]; !known || was.Version < n {
				latest[m[1]] = Stored{Name: m[1], Key: o.Key, Version: n}
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(latest)) {
		s := latest[name]
		body, _, err := under.Get(ctx, s.Key)
		if err != nil {
			return err
		}
		if s.config = configIn(body); s.config == nil {
			continue
		}
		_, s.weights = portable.ReadAny(body)
		db.Stored = append(db.Stored, s)
	}
	return nil
}

// configIn returns the configuration in a stored model, with its type; nil where there is none.
func configIn(body []byte) *object {
	all, ok := objectOf(body)
	if !ok {
		return nil
	}
	data, ok := all.values["modelData"].(*object)
	if !ok {
		return nil
	}
	config, ok := data.values["config"].(*object)
	if !ok {
		return nil
	}
	if _, said := config.values["type"].(string); !said {
		config.set("type", typeOf(data))
	}
	return config
}

// typeOf returns the type of a stored model that may not say it.
func typeOf(data *object) any {
	if kind, ok := data.values["type"].(string); ok {
		return kind
	}
	for member, kind := range map[string]retrain.Kind{"classes": retrain.Classification, "lookback": retrain.TimeSeries, "architecture": retrain.NeuralNetwork} {
		if data.values[member] != nil {
			return string(kind)
		}
	}
	return string(retrain.Regression)
}

// resource returns a resource by its name.
func (db *Database) resource(name string) (Resource, bool) {
	i := slices.IndexFunc(db.Resources, func(r Resource) bool { return r.Name == name })
	if i < 0 {
		return Resource{}, false
	}
	return db.Resources[i], true
}
