package s3db

import (
	"encoding/json"
	"strconv"
	"strings"
	"time"

	"retrain"
)

// In reports whether a record is in a partition, as s3db.js decides it: by the texts that the partition's rules make of the
// values. A partition that the database does not know goes by the values as they are.
func (r *Resource) In(p *retrain.PartitionRef, record retrain.Record) bool {
	rules, ok := r.Partitions[p.Name]
	if !ok {
		return p.In(record)
	}
	for path, want := range p.Values {
		v := record.At(path)
		if v == nil || PartitionValue(rules[path], v) != PartitionValue(rules[path], want) {
			return false
		}
	}
	return true
}

// PartitionValue returns the text that a rule makes of a value: "date" leaves the day, in UTC, "maxlength:n" so many characters.
func PartitionValue(rule string, v any) string {
	text, ok := v.(string)
	if !ok {
		b, _ := json.Marshal(v) // what was decoded marshals
		text = string(b)
	}
	for part := range strings.SplitSeq(rule, "|") {
		name, arg, _ := strings.Cut(part, ":")
		switch name {
		case "date":
			text = day(text)
		case "maxlength":
			if n, err := strconv.Atoi(arg); err == nil && n >= 0 {
				if letters := []rune(text); len(letters) > n {
					text = string(letters[:n])
				}
			}
		}
	}
	return text
}

// day returns the day of a date, and what is none as it is.
func day(text string) string {
	if t, err := time.Parse(time.RFC3339, strings.Trim(text, `"`)); err == nil {
		return t.UTC().Format(time.DateOnly)
	}
	if len(text) >= len(time.DateOnly) {
		if _, err := time.Parse(time.DateOnly, text[:len(time.DateOnly)]); err == nil {
			return text[:len(time.DateOnly)]
		}
	}
	return text
}
