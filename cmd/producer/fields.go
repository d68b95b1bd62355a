package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/jedib0t/go-pretty/v6/text"

	"retrain"
	"retrain/s3io"
)

// storedFields tells which kinds of values the fields of a resource have.
func (c *call) storedFields(ctx context.Context, r retrain.Resource) error {
	for _, other := range []string{"limit", "count", "partition", "values"} {
		if c.flags.IsSet(other) {
			return usage("--fields looks at all records: not with --%s", other)
		}
	}
	fields, err := c.app.Source.Fields(ctx, r)
	if err != nil {
		return err
	}
	answer := struct {
		Resource string       `json:"resource"`
		Fields   []s3io.Field `json:"fields"`
	}{r.Name, fields}
	return c.answer(answer, func(w io.Writer) { c.fieldTable(w, fields) })
}

func (c *call) fieldTable(w io.Writer, fields []s3io.Field) {
	t := listing(w, "field", "kind", "values", "not before", "not after")
	mixed := 0
	for _, f := range fields {
		name := f.Name
		if f.Mixed() {
			name, mixed = c.colour(name, text.FgYellow), mixed+1
		}
		for _, k := range f.Kinds {
			t.AppendRow([]any{name, k.Kind, k.Values, day(k.From), day(k.To)})
			name = ""
		}
	}
	t.Render()
	if mixed > 0 {
		fmt.Fprintf(w, "fields of several kinds: %d\n", mixed)
	}
}

// day is a time for people, and nothing for none.
func day(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.Local().Format(time.DateTime)
}
