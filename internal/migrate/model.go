package migrate

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"retrain"
	"retrain/mlcore/prep"
)

// A Note says what was not taken over as it was, and why.
type Note struct {
	Where string `json:"where"` // like models.price.filter
	What  string `json:"what"`
}

func (n Note) String() string { return n.Where + ": " + n.What }

// A taking makes a model of ours of one of theirs.
type taking struct {
	from   *object
	script *script
	db     *Database
	model  retrain.Model
	where  string
	notes  []Note
}

func (t *taking) notef(key, format string, args ...any) {
	t.notes = append(t.notes, Note{t.where + key, fmt.Sprintf(format, args...)})
}

// take returns the model, and what of it could not be taken over. An error says why there is none.
func (db *Database) take(name string, from *object, s *script) (retrain.Model, []Note, error) {
	t := &taking{from: from, script: s, db: db, where: "models." + name}
	t.model.Name = cleanName(name)
	if t.model.Name != name {
		t.notef("", "is called %s here", t.model.Name)
	}
	for _, key := range from.names {
		t.key(key, from.values[key])
	}
	t.settle()
	if _, known := db.resource(t.model.Resource); !known {
		return t.model, t.notes, retrain.Errorf(retrain.ModelConfigError, "the database has no resource %q", t.model.Resource)
	}
	t.model.Resource = cleanName(t.model.Resource)
	return t.model, t.notes, prep.Check(&t.model)
}

// key takes one key of the model.
func (t *taking) key(key string, v any) {
	m, ok := &t.model, true
	switch key {
	case "name", "verbose": // the first is known, the second changes nothing
	case "type":
		var kind string
		kind, ok = v.(string)
		m.Type = retrain.Kind(kind)
	case "resource":
		m.Resource, ok = v.(string)
	case "features":
		m.Features, ok = texts(v)
	case "target":
		m.Target, ok = texts(v)
	case "autoTrain":
		m.AutoTrain, ok = v.(bool)
	case "trainAfterInserts":
		m.TrainAfterInserts, ok = whole(v)
	case "trainInterval":
		var ms int
		ms, ok = whole(v)
		m.TrainInterval = retrain.Duration(time.Duration(ms) * time.Millisecond)
	case "minSamples":
		m.MinTrainingSamples, ok = whole(v)
	case "saveModel":
		m.SaveModel, ok = flagOf(v)
	case "saveTrainingData":
		m.SaveTrainingData, ok = flagOf(v)
	case "partition":
		ok = t.partition(v)
	case "filter", "map":
		t.function(key, v)
	case "modelConfig":
		t.settings(v)
	default:
		t.notef("."+key, "there is nothing like it here")
	}
	if !ok && v != nil {
		t.notef("."+key, "%s has to be run to be known", brief(v))
	}
}

func (t *taking) partition(v any) bool {
	o, ok := v.(*object)
	if !ok {
		return v == nil
	}
	name, ok := o.values["name"].(string)
	values, isObject := o.values["values"].(*object)
	if !ok || !isObject {
		return false
	}
	p := &retrain.PartitionRef{Name: name, Values: make(map[string]any)}
	for _, field := range values.names {
		if !plain(values.values[field]) {
			return false
		}
		p.Values[field] = values.values[field]
	}
	t.model.Partition = p
	return true
}

// function takes a filter or a map that is simple enough.
func (t *taking) function(key string, v any) {
	f, ok := v.(*function)
	if !ok {
		if v != nil {
			t.notef("."+key, "%s has to be run to be known: write it as an expression", brief(v))
		}
		return
	}
	var err error
	if key == "filter" {
		t.model.Filter, err = t.script.filterOf(f)
	} else {
		t.model.Map, err = t.script.mapOf(f)
	}
	if err == nil {
		err = t.compiles(key)
	}
	if err != nil {
		t.notef("."+key, "%v; it was %s", err, oneLine(f.text))
	}
}

// compiles looks whether an expression that was made is one, and takes it away where it is not.
func (t *taking) compiles(key string) error {
	probe := retrain.Model{Name: "probe", Type: retrain.Regression, Resource: "r", Features: []string{"a"}, Target: retrain.Names{"b"}}
	if key == "filter" {
		probe.Filter = t.model.Filter
	} else {
		probe.Map = t.model.Map
	}
	err := prep.Check(&probe)
	if err != nil && key == "filter" {
		t.model.Filter = ""
	} else if err != nil {
		t.model.Map = nil
	}
	return err
}

// Settings that mean the same here, and those that need no word.
var (
	sameSettings = []string{"epochs", "batchSize", "learningRate", "validationSplit", "optimizer", "polynomial", "units", "activation", "dropout",
		"recurrentDropout", "lookback", "lstmUnits", "denseUnits", "layers", "outputActivation", "outputUnits", "loss", "metrics", "earlyStopping", "classWeights"}
	noSettings = []string{"verbose", "callbacks"}
)

// settings takes modelConfig.
func (t *taking) settings(v any) {
	o, ok := v.(*object)
	if !ok {
		if v != nil {
			t.notef(".modelConfig", "%s has to be run to be known", brief(v))
		}
		return
	}
	known := make(map[string]any)
	for _, key := range o.names {
		switch value, all := jsonOf(o.values[key]); {
		case key == "shuffle":
			if value == false && t.from.values["type"] != string(retrain.TimeSeries) {
				t.notef(".modelConfig.shuffle", "rows are always shuffled, by the seed; those of a time series never are")
			}
		case slices.Contains(noSettings, key):
		case !slices.Contains(sameSettings, key):
			t.notef(".modelConfig."+key, "there is nothing like it here")
		case !all:
			t.notef(".modelConfig."+key, "%s has to be run to be known", brief(o.values[key]))
		default:
			known[key] = value
		}
	}
	t.monitor(known)
	text, err := json.Marshal(known)
	if err == nil {
		err = json.Unmarshal(text, &t.model.ModelConfig)
	}
	if err != nil {
		t.notef(".modelConfig", "%v", err)
	}
	if t.model.ModelConfig.Polynomial > 1 {
		t.notef(".modelConfig.polynomial", "means terms of that degree here; there it only meant hidden layers")
	}
}

// monitor writes val_loss as it is called here.
func (t *taking) monitor(known map[string]any) {
	if stop, ok := known["earlyStopping"].(map[string]any); ok && stop["monitor"] == "val_loss" {
		stop["monitor"] = "valLoss"
	}
}

// settle decides what the plugin left open.
func (t *taking) settle() {
	m := &t.model
	if m.AutoTrain && m.TrainAfterInserts == 0 && m.TrainInterval == 0 {
		m.AutoTrain = false
		t.notef(".autoTrain", "names no trainAfterInserts and no trainInterval: it never trained by itself")
	}
	if !m.AutoTrain && (m.TrainAfterInserts > 0 || m.TrainInterval > 0) {
		t.notef(".autoTrain", "was not true, so that its triggers did nothing; nor do they here")
	}
	if m.Type == retrain.TimeSeries && m.ModelConfig.OrderBy == "" {
		r, _ := t.db.resource(m.Resource)
		if field := timeField(r.Attributes); field != "" {
			m.ModelConfig.OrderBy = field
			t.notef(".modelConfig.orderBy", "is %s, by its name: there the records came in the order of their ids", field)
		} else {
			t.notef(".modelConfig.orderBy", "no attribute looks like a time: say which one orders the records")
		}
	}
}

// timeField returns the attribute that looks most like the time of a record.
func timeField(attributes map[string]string) string {
	best, points := "", 0
	for _, name := range sortedKeys(attributes) {
		p, last := 0, strings.ToLower(name[strings.LastIndex(name, ".")+1:])
		switch {
		case slices.Contains([]string{"date", "day", "timestamp", "time", "datetime", "ts", "at", "month", "period"}, last):
			p = 4
		case strings.HasPrefix(attributes[name], "date"):
			p = 3
		case strings.HasSuffix(last, "date") || strings.HasSuffix(last, "time") || strings.HasSuffix(name, "At"):
			p = 2
		}
		if last == "createdat" || last == "updatedat" { // of the database, and not of what happened
			p = min(p, 1)
		}
		if last == "updatedat" {
			p = 0
		}
		if p > points {
			best, points = name, p
		}
	}
	return best
}

// cleanName returns a name with a hyphen for everything that ours can not have.
func cleanName(name string) string {
	clean := strings.Map(func(r rune) rune {
		if r == '.' || r == '_' || r == '-' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' {
			return r
		}
		return '-'
	}, name)
	clean = strings.ReplaceAll(clean, "..", "-")
	return cmp.Or(strings.TrimLeft(clean[:min(len(clean), 100)], "._-"), "unnamed")
}

func texts(v any) ([]string, bool) {
	if one, ok := v.(string); ok {
		return []string{one}, true
	}
	list, ok := v.([]any)
	names := make([]string, 0, len(list))
	for _, one := range list {
		name, isText := one.(string)
		ok = ok && isText
		names = append(names, name)
	}
	return names, ok
}

func whole(v any) (int, bool) {
	f, ok := v.(float64)
	return int(f), ok && f == float64(int(f))
}

func flagOf(v any) (*bool, bool) {
	b, ok := v.(bool)
	if !ok {
		return nil, false
	}
	return &b, true
}

// plain reports whether a value is a text, a number or a boolean.
func plain(v any) bool {
	switch v.(type) {
	case string, float64, bool:
		return true
	}
	return false
}

// jsonOf returns a value as JSON has it, and false where part of it would have to be run.
func jsonOf(v any) (any, bool) {
	switch v := v.(type) {
	case *object:
		tree := make(map[string]any)
		for _, name := range v.names {
			inner, ok := jsonOf(v.values[name])
			if !ok {
				return nil, false
			}
			tree[name] = inner
		}
		return tree, true
	case []any:
		list := make([]any, len(v))
		for i := range v {
			inner, ok := jsonOf(v[i])
			if !ok {
				return nil, false
			}
			list[i] = inner
		}
		return list, true
	case *function, unknown:
		return nil, false
	}
	return v, true
}

// brief returns a value for a sentence.
func brief(v any) string {
	switch v := v.(type) {
	case unknown:
		return oneLine(string(v))
	case *function:
		return oneLine(v.text)
	case *object:
		return "an object"
	}
	return fmt.Sprint(v)
}

func oneLine(text string) string {
	words := []rune(strings.Join(strings.Fields(text), " "))
	if len(words) > 200 {
		return string(words[:199]) + "…"
	}
	return string(words)
}
