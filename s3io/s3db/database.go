package s3db

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"retrain"
)

// MetadataKey is the object that describes a database.
const MetadataKey = "s3db.json"

// DataKey returns what the keys of a resource's records begin with; the rest is the id.
func DataKey(resource string) string { return "resource=" + resource + "/data/id=" }

// A Database is what s3db.json says.
type Database struct {
	resources map[string]*Resource
}

// A Resource is a resource of a database. Any number of goroutines may use it.
type Resource struct {
	Partitions map[string]map[string]string // by name: the rules of its fields, as "date|maxlength:10", by path
	current    string
	versions   map[string]*version
}

// A version is the attributes that a record was written with.
type version struct {
	paths map[string]string // by short name
	types map[string]string // by path: the definition, as "number|integer|required"
}

// Parse reads s3db.json. What it does not understand is a DataValidationError.
func Parse(body []byte) (*Database, error) {
	var file struct {
		Resources map[string]struct {
			CurrentVersion string `json:"currentVersion"`
			Partitions     map[string]struct {
				Fields map[string]string `json:"fields"`
			} `json:"partitions"`
			SchemaRegistry *struct {
				Mapping map[string]int `json:"mapping"`
			} `json:"schemaRegistry"`
			Versions map[string]struct {
				Attributes json.RawMessage `json:"attributes"`
			} `json:"versions"`
		} `json:"resources"`
	}
	if err := json.Unmarshal(body, &file); err != nil {
		return nil, retrain.Errorf(retrain.DataValidationError, "%s: %w", MetadataKey, err)
	}
	db := &Database{resources: make(map[string]*Resource)}
	for name, r := range file.Resources {
		res := &Resource{Partitions: make(map[string]map[string]string), current: r.CurrentVersion, versions: make(map[string]*version)}
		for p, def := range r.Partitions {
			res.Partitions[p] = def.Fields
		}
		for v, def := range r.Versions {
			attributes, err := parseAttributes(def.Attributes)
			if err != nil {
				return nil, retrain.Errorf(retrain.DataValidationError, "%s: resource %s, version %s: attributes: %w", MetadataKey, name, v, err)
			}
			var mapping map[string]int
			if r.SchemaRegistry != nil {
				mapping = r.SchemaRegistry.Mapping
			}
			res.versions[v] = newVersion(attributes, mapping)
		}
		db.resources[name] = res
	}
	return db, nil
}

// newVersion names attributes as version 21 does, by a mapping that is stored, or as version 13 does, by their place.
func newVersion(attributes []attribute, mapping map[string]int) *version {
	v := &version{paths: make(map[string]string), types: make(map[string]string)}
	for i, a := range attributes {
		v.types[a.path] = a.definition
		if mapping == nil {
			v.paths[shortName(i, 62)] = a.path
		}
	}
	for path, i := range mapping {
		v.paths[shortName(i, 36)] = path
	}
	return v
}

// Resource returns a resource, or a NotFoundError that names those there are.
func (d *Database) Resource(name string) (*Resource, error) {
	r, ok := d.resources[name]
	if !ok {
		return nil, retrain.Errorf(retrain.NotFoundError, "%s has no resource %q", MetadataKey, name).
			WithHint("it has %s", strings.Join(slices.Sorted(maps.Keys(d.resources)), ", "))
	}
	return r, nil
}
