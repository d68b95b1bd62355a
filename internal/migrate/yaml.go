package migrate

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"

	"gopkg.in/yaml.v3"

	"retrain"
)

// YAML returns the file. What could not be taken over stands in it as comments, where it belongs.
func (p *Plan) YAML() (string, error) {
	var b strings.Builder
	fmt.Fprintf(&b, "# From the database of s3db.js%s in s3://%s. Look at it, then: producer apply -f FILE\n", strings.TrimRight(" "+p.Database.Version, " "), strings.Trim(p.Database.Bucket+"/"+p.Database.Prefix, "/"))
	for _, n := range p.Notes {
		if !strings.HasPrefix(n.Where, "models.") && !strings.HasPrefix(n.Where, "resources.") {
			fmt.Fprintf(&b, "# %s\n", oneLine(n.String()))
		}
	}
	if p.MinTrainingSamples > 0 {
		fmt.Fprintf(&b, "minTrainingSamples: %d\n", p.MinTrainingSamples)
	}
	if p.SaveModel != nil {
		fmt.Fprintf(&b, "saveModel: %t\n", *p.SaveModel)
	}
	if p.SaveTrainingData != nil {
		fmt.Fprintf(&b, "saveTrainingData: %t\n", *p.SaveTrainingData)
	}
	b.WriteString("\nresources:\n")
	for i := range p.Resources {
		name := p.Resources[i].Name
		if err := entry(&b, name, p.notesOf("resources."+cmpName(&p.Resources[i])), p.Resources[i]); err != nil {
			return "", err
		}
	}
	if len(p.Models)+len(p.Left) > 0 {
		b.WriteString("\nmodels:\n")
	}
	for i := range p.Models {
		if err := entry(&b, p.Models[i].Name, p.notesOfModel(p.Models[i].Name), p.Models[i]); err != nil {
			return "", err
		}
	}
	for _, l := range p.Left {
		fmt.Fprintf(&b, "  # not %s: %s\n", oneLine(l.Name), oneLine(l.Why))
	}
	return b.String(), nil
}

// cmpName returns a resource's name in the database.
func cmpName(r *retrain.Resource) string {
	if r.S3DB.Resource != "" {
		return r.S3DB.Resource
	}
	return r.Name
}

// notesOf returns the notes of a place, without its name.
func (p *Plan) notesOf(where string) (texts []string) {
	for _, n := range p.Notes {
		if rest, ok := strings.CutPrefix(n.Where, where); ok && (rest == "" || rest[0] == '.') {
			texts = append(texts, strings.TrimPrefix(strings.TrimPrefix(rest, ".")+": "+n.What, ": "))
		}
	}
	return texts
}

func (p *Plan) notesOfModel(name string) (texts []string) {
	seen := make(map[string]bool)
	for _, n := range p.Notes {
		rest, ok := strings.CutPrefix(n.Where, "models.")
		theirs, _, _ := strings.Cut(rest, ".")
		if ok && cleanName(theirs) == name && !seen[theirs] {
			seen[theirs] = true
			texts = append(texts, p.notesOf("models."+theirs)...)
		}
	}
	return texts
}

// Times that end in units of nothing: 24h0m0s.
var emptyUnits = regexp.MustCompile(`^(\d+h)0m0s$|^((?:\d+h)?\d+m)0s$`)

// entry writes one resource or model below its name, with the notes before it: the first level in lines, what is below in
// braces.
func entry(b *strings.Builder, name string, notes []string, v any) error {
	for _, note := range notes {
		fmt.Fprintf(b, "  # %s\n", oneLine(note))
	}
	text, err := json.Marshal(v)
	if err != nil {
		return err
	}
	var tree yaml.Node
	if err := yaml.Unmarshal(text, &tree); err != nil { // JSON is YAML, and keeps its order
		return err
	}
	root := tree.Content[0]
	root.Style = 0
	plainStyle(root)
	for i := 0; i < len(root.Content); i += 2 {
		if root.Content[i].Value == "name" {
			root.Content = append(root.Content[:i], root.Content[i+2:]...)
			break
		}
	}
	out := &yaml.Node{Kind: yaml.MappingNode, Content: []*yaml.Node{{Kind: yaml.ScalarNode, Value: name}, root}}
	var lines bytes.Buffer
	e := yaml.NewEncoder(&lines)
	e.SetIndent(2)
	if err := e.Encode(out); err != nil {
		return err
	}
	for line := range strings.Lines(lines.String()) {
		b.WriteString("  " + line)
	}
	return nil
}

// plainStyle takes the quotes of JSON away where YAML needs none.
func plainStyle(n *yaml.Node) {
	if n.Kind == yaml.ScalarNode {
		n.Style = 0
		if n.Tag == "!!str" {
			n.Value = emptyUnits.ReplaceAllString(n.Value, "$1$2")
		}
	}
	for _, inner := range n.Content {
		plainStyle(inner)
	}
}
