package dashboard

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"html"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"retrain/internal/app"
)

//go:embed report.html
var frame string

// A Report is what a version's page for others says.
type Report struct {
	At       time.Time           `json:"at"` // when it was written
	Portrait *app.Portrait       `json:"portrait"`
	Versions []app.ListedVersion `json:"versions"` // beside which it stands
}

// The modules that a report is drawn by. None comes before one that it imports.
var modules = []string{"dom.js", "charts.js", "version.js", "report.js"}

// Write writes the report as one page that needs nothing else.
func (r *Report) Write(w io.Writer) error {
	told, err := json.Marshal(r) // which leaves no < in it
	if err != nil {
		return err
	}
	style, err := page.ReadFile("page/style.css")
	if err != nil {
		return err
	}
	script, err := joined()
	if err != nil {
		return err
	}
	title := fmt.Sprintf("%s, version %d", r.Portrait.Model, r.Portrait.Version)
	_, err = strings.NewReplacer("{{title}}", html.EscapeString(title), "{{words}}", html.EscapeString(r.words()), "{{style}}", string(style),
		"{{told}}", string(told), "{{script}}", script).WriteString(w, frame)
	return err
}

// words says the most important for whoever's reader runs no scripts.
func (r *Report) words() string {
	var list []string
	for _, name := range slices.Sorted(maps.Keys(r.Portrait.Metrics)) {
		list = append(list, fmt.Sprintf("%s %.4g", name, r.Portrait.Metrics[name]))
	}
	return fmt.Sprintf("Learnt %s from %s; %d rows, %d epochs. %s. The pictures need JavaScript.", strings.Join(r.Portrait.Target, ", "),
		strings.Join(r.Portrait.Features, ", "), r.Portrait.Samples, r.Portrait.Epochs, strings.Join(list, ", "))
}

// joined returns the modules as one: what they import from each other stands before it already.
func joined() (string, error) {
	var all strings.Builder
	for _, name := range modules {
		b, err := page.ReadFile("page/" + name)
		if err != nil {
			return "", err
		}
		for line := range strings.Lines(string(b)) {
			if !strings.HasPrefix(line, "import ") {
				all.WriteString(strings.TrimPrefix(line, "export "))
			}
		}
	}
	return all.String(), nil
}
