package app

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"retrain"
	"retrain/mlcore/prep"
)

const maxName = 100

var namePattern = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]*$`)

// CheckName returns a ModelConfigError unless name can name a model, a resource, a partition or a batch: names become parts
// of keys in S3 and of addresses.
func CheckName(what, name string) error {
	var why string
	switch {
	case name == "":
		why = "is empty"
	case len(name) > maxName:
		why = fmt.Sprintf("is longer than %d characters", maxName)
	case strings.Contains(name, ".."):
		why = `contains ".."`
	case !namePattern.MatchString(name):
		why = "has other characters than letters, digits, '.', '_' and '-', or begins with one of the last three"
	default:
		return nil
	}
	return retrain.Errorf(retrain.ModelConfigError, "the name of the %s %s %s", what, quoted(name), why)
}

// check looks for what cannot be in the file by itself. Whether a model's resource exists is a matter of what was applied
// before, see CheckModels.
func (c *Config) check() error {
	f := faults{lines: c.lines}
	for _, name := range slices.Sorted(maps.Keys(c.Resources)) {
		f.add("resources."+name, CheckName("resource", name))
		f.resource("resources."+name, c.Resources[name])
	}
	for _, name := range slices.Sorted(maps.Keys(c.Models)) {
		f.add("models."+name, CheckName("model", name))
		f.model("models."+name, c.Models[name])
	}
	f.connection(c)
	if p := c.Predict; p.Concurrency < 0 || p.Queue < 0 || p.Slowest < 0 {
		f.notef("predict", "concurrency, queue and slowest are not below 0")
	}
	return f.err()
}

// CheckModels returns a ModelConfigError where a model of the file learns from a resource that neither the file nor what was
// applied before declares, or from a partition that the resource has not.
func (c *Config) CheckModels(applied []retrain.Resource) error {
	known := make(map[string]*retrain.Resource)
	for i := range applied {
		known[applied[i].Name] = &applied[i]
	}
	maps.Copy(known, c.Resources)
	f := faults{lines: c.lines}
	for _, name := range slices.Sorted(maps.Keys(c.Models)) {
		m := c.Models[name]
		path := "models." + name
		r := known[m.Resource]
		switch {
		case m.Resource == "": // noted by check
		case r == nil:
			f.notef(path+".resource", "no resource %q is declared%s", m.Resource, suggestion(m.Resource, slices.Sorted(maps.Keys(known))))
		case m.Partition != nil:
			f.partition(path+".partition", m.Partition, r)
		}
	}
	return f.err()
}

func suggestion(given string, names []string) string {
	if near := Nearest(given, names); near != "" {
		return fmt.Sprintf(", did you mean %q?", near)
	}
	if len(names) > 0 {
		return "; declared are " + strings.Join(names, ", ")
	}
	return ""
}

// faults collects what is wrong, each with the place in the file.
type faults struct {
	lines lines
	found []fault
	hint  string
}

type fault struct {
	line int
	text string
}

func (f *faults) notef(path, format string, args ...any) {
	line, where := f.lines.where(path)
	f.found = append(f.found, fault{line, where + ": " + fmt.Sprintf(format, args...)})
}

func (f *faults) add(path string, err error) {
	if err == nil {
		return
	}
	if e, ok := errors.AsType[*retrain.Error](err); ok {
		f.notef(path, "%s", e.Message)
		f.hint = e.Hint
		return
	}
	f.notef(path, "%v", err)
}

func (f *faults) err() error {
	slices.SortFunc(f.found, func(a, b fault) int { return cmp.Or(cmp.Compare(a.line, b.line), cmp.Compare(a.text, b.text)) })
	w := walk{hint: f.hint}
	for _, one := range f.found {
		w.problems = append(w.problems, one.text)
	}
	return w.err()
}

// model notes what no training could make sense of.
func (f *faults) model(path string, m *retrain.Model) {
	e, wrong := errors.AsType[*retrain.Error](prep.Check(m))
	if !wrong {
		return
	}
	// It says `model "price": modelConfig.layers[0].units: what is wrong`; the file has a line for that key.
	key, what, _ := strings.Cut(strings.TrimPrefix(e.Message, fmt.Sprintf("model %q: ", m.Name)), ": ")
	f.notef(path+"."+strings.NewReplacer("[", ".", "]", "").Replace(key), "%s", what)
	f.hint = e.Hint
}

func (f *faults) resource(path string, r *retrain.Resource) {
	if sources := []string{"native", "s3db", "files"}; r.Source != "" && !slices.Contains(sources, r.Source) {
		f.notef(path+".source", "%q is not one of %s", r.Source, strings.Join(sources, ", "))
	}
	if r.Source == "s3db" && r.S3DB == nil {
		f.notef(path, "source s3db needs s3db: {prefix: …}")
	}
	if r.Source == "files" && r.Files == nil {
		f.notef(path, "source files needs files: {prefix: …}")
	}
	if formats := []string{"", "csv", "jsonl", "parquet"}; r.Files != nil && !slices.Contains(formats, r.Files.Format) {
		f.notef(path+".files.format", "%q is not one of%s", r.Files.Format, strings.Join(formats, " "))
	}
	for _, name := range slices.Sorted(maps.Keys(r.Partitions)) {
		at := path + ".partitions." + name
		f.add(at, CheckName("partition", name))
		if len(r.Partitions[name]) == 0 {
			f.notef(at, "a partition needs at least one field")
		}
	}
}

// partition compares what a model says of its partition with what the resource declares.
func (f *faults) partition(path string, p *retrain.PartitionRef, r *retrain.Resource) {
	fields, ok := r.Partitions[p.Name]
	if !ok && r.Source == "s3db" {
		return // the database may have it: who reads it looks
	}
	if !ok {
		f.notef(path, "resource %q has no partition %q%s", r.Name, p.Name, suggestion(p.Name, slices.Sorted(maps.Keys(r.Partitions))))
		return
	}
	for _, field := range fields {
		if v, given := p.Values[field]; !given || v == nil {
			f.notef(path+".values", "a value for the field %q is missing", field)
		}
	}
	for _, field := range slices.Sorted(maps.Keys(p.Values)) {
		if !slices.Contains(fields, field) {
			f.notef(path+".values", "partition %q is not by the field %q, but by %s", p.Name, field, strings.Join(fields, ", "))
		}
	}
}

func (f *faults) connection(c *Config) {
	if strings.HasPrefix(c.S3.Prefix, "/") || strings.Contains(c.S3.Prefix, "..") {
		f.notef("s3.prefix", "%q must not begin with '/' nor contain '..'", c.S3.Prefix)
	}
	if s := c.Redis.Sentinel; s != nil && (s.Master == "" || len(s.Addrs) == 0) {
		f.notef("redis.sentinel", "needs master and addrs")
	}
	if c.Redis.Sentinel != nil && len(c.Redis.Cluster) > 0 {
		f.notef("redis", "either sentinel or cluster, not both")
	}
	if (c.S3.AccessKeyID == "") != (c.S3.SecretAccessKey == "") {
		f.notef("s3", "accessKeyId and secretAccessKey belong together")
	}
	if e := c.S3.Encryption; e != "" && e != "AES256" && e != "aws:kms" {
		f.notef("s3.encryption", "%q is neither AES256 nor aws:kms", e)
	}
	if c.S3.KMSKey != "" && c.S3.Encryption != "aws:kms" {
		f.notef("s3.kmsKey", "is for encryption: aws:kms")
	}
}
