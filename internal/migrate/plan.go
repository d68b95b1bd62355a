package migrate

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"retrain"
)

// A Plan is a retrain.yaml, and what could not be taken over into it.
type Plan struct {
	Database  *Database
	Resources []retrain.Resource
	Models    []retrain.Model
	Left      []Left // models that could not be taken over
	Notes     []Note

	MinTrainingSamples int
	SaveModel          *bool
	SaveTrainingData   *bool
}

// A Left model could not be taken over.
type Left struct {
	Name string `json:"model"`
	Why  string `json:"why"`
}

// Options are what a person says of a migration.
type Options struct {
	Resources     []string // only these of the database, and those of the models; all where there are none
	PassphraseEnv string   // the environment variable that has the database's passphrase
}

// NewPlan makes a plan of a database and of what the plugin was told, which may be nil: then of the models that it stored.
func NewPlan(db *Database, p *Plugin, o Options) (*Plan, error) {
	plan := &Plan{Database: db}
	if p != nil {
		plan.options(p)
		for _, name := range p.models.names {
			if from, ok := p.models.values[name].(*object); ok {
				plan.take(name, from, p.script)
			} else {
				plan.Left = append(plan.Left, Left{name, brief(p.models.values[name]) + " has to be run to be known"})
			}
		}
	}
	for i := range db.Stored {
		plan.stored(&db.Stored[i], p)
	}
	return plan, plan.resources(o)
}

// options takes what the plugin was told for all models.
func (p *Plan) options(from *Plugin) {
	for _, key := range from.options.names {
		v, ok := from.options.values[key], true
		switch key {
		case "models", "verbose":
		case "minTrainingSamples":
			p.MinTrainingSamples, ok = whole(v)
		case "saveModel":
			p.SaveModel, ok = flagOf(v)
		case "saveTrainingData":
			p.SaveTrainingData, ok = flagOf(v)
		case "enableVersioning":
			if v == false {
				p.notef(key, "versions are always kept; keep: 1 keeps the fewest")
			}
		default:
			p.notef(key, "there is nothing like it here")
		}
		if !ok {
			p.notef(key, "%s has to be run to be known", brief(v))
		}
	}
}

func (p *Plan) notef(where, format string, args ...any) {
	p.Notes = append(p.Notes, Note{where, fmt.Sprintf(format, args...)})
}

func (p *Plan) take(name string, from *object, s *script) {
	m, notes, err := p.Database.take(name, from, s)
	if err == nil && slices.ContainsFunc(p.Models, func(other retrain.Model) bool { return other.Name == m.Name }) {
		err = retrain.Errorf(retrain.ModelConfigError, "another model is called %s here", m.Name)
	}
	p.Notes = append(p.Notes, notes...)
	if err != nil {
		p.Left = append(p.Left, Left{name, plainText(err)})
		return
	}
	if r, ok := p.Database.resource(theirResource(from)); ok && m.Partition != nil && r.Partitions[m.Partition.Name] == nil {
		p.notef("models."+name+".partition", "the database has no partition %s; declared here it is one by %s", m.Partition.Name,
			strings.Join(sortedKeys(m.Partition.Values), ", "))
	}
	p.Models = append(p.Models, m)
}

func theirResource(from *object) string {
	name, _ := from.values["resource"].(string)
	return name
}

// stored takes a model that the plugin stored and was told nothing of, and says what is stored.
func (p *Plan) stored(s *Stored, from *Plugin) {
	where := "models." + s.Name
	if from == nil || from.models.values[s.Name] == nil {
		p.take(s.Name, s.config, new(script))
		p.notef(where, "is as the plugin stored it, which says nothing of partition, filter, map, autoTrain and triggers")
	}
	if s.weights == nil {
		p.notef(where, "%s has weights: fetch it, and producer import FILE --as %s makes a version of it", s.Key, cleanName(s.Name))
	} else {
		p.notef(where, "%s has no weights that could be taken over: train it here", s.Key)
	}
}

// resources declares the resources that are wanted.
func (p *Plan) resources(o Options) error {
	for _, name := range o.Resources {
		if _, ok := p.Database.resource(name); !ok {
			return retrain.Errorf(retrain.NotFoundError, "the database has no resource %q", name).WithHint("it has %s", strings.Join(p.Database.names(), ", "))
		}
	}
	for _, r := range p.Database.Resources {
		name := cleanName(r.Name)
		learnt := slices.ContainsFunc(p.Models, func(m retrain.Model) bool { return m.Resource == name })
		if !learnt && len(o.Resources) > 0 && !slices.Contains(o.Resources, r.Name) {
			continue
		}
		if slices.ContainsFunc(p.Resources, func(other retrain.Resource) bool { return other.Name == name }) {
			p.notef("resources."+r.Name, "another resource is called %s here: it is left out", name)
			continue
		}
		p.Resources = append(p.Resources, p.declare(r, name, o))
	}
	return nil
}

func (p *Plan) declare(r Resource, name string, o Options) retrain.Resource {
	source := &retrain.S3DBSource{Bucket: p.Database.Bucket, Prefix: p.Database.Prefix}
	if name != r.Name {
		source.Resource = r.Name
		p.notef("resources."+r.Name, "is called %s here", name)
	}
	var secrets, lost []string
	for _, path := range sortedKeys(r.Attributes) {
		switch kind, _, _ := strings.Cut(r.Attributes[path], "|"); strings.TrimSpace(kind) {
		case "secret":
			secrets = append(secrets, path)
		case "password":
			lost = append(lost, path)
		}
	}
	if len(secrets) > 0 && o.PassphraseEnv != "" {
		source.PassphraseEnv = o.PassphraseEnv
	} else if len(secrets) > 0 {
		p.notef("resources."+r.Name, "%s: secrets, which are left out; --passphrase-env names the variable that opens them", strings.Join(secrets, ", "))
	}
	if len(lost) > 0 {
		p.notef("resources."+r.Name, "%s: passwords, which nobody can read", strings.Join(lost, ", "))
	}
	if r.Short && len(r.Attributes) > 36 {
		p.notef("resources."+r.Name, "has %d attributes, and version 13 has lost those behind the 36th", len(r.Attributes))
	}
	declared := retrain.Resource{Name: name, Source: "s3db", S3DB: source}
	for _, partition := range sortedKeys(r.Partitions) {
		if cleanName(partition) != partition {
			p.notef("resources."+r.Name+".partitions."+partition, "the name can not be one here")
			continue
		}
		if declared.Partitions == nil {
			declared.Partitions = make(map[string][]string)
		}
		declared.Partitions[partition] = r.Partitions[partition]
	}
	return p.withMissing(declared)
}

// withMissing declares the partitions that models name and the database lacks.
func (p *Plan) withMissing(r retrain.Resource) retrain.Resource {
	for i := range p.Models {
		m := &p.Models[i]
		if m.Resource != r.Name || m.Partition == nil || r.Partitions[m.Partition.Name] != nil {
			continue
		}
		if r.Partitions == nil {
			r.Partitions = make(map[string][]string)
		}
		r.Partitions[m.Partition.Name] = sortedKeys(m.Partition.Values)
	}
	return r
}

func (db *Database) names() []string {
	names := make([]string, len(db.Resources))
	for i, r := range db.Resources {
		names[i] = r.Name
	}
	return names
}

// plainText returns an error without the names that stand before it.
func plainText(err error) string {
	text := err.Error()
	_, rest, _ := strings.Cut(text, string(retrain.CodeOf(err))+": ")
	return cmp.Or(rest, text)
}
