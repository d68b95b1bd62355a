package app_test

import (
	"encoding/json"
	"testing"

	"retrain/internal/app"
)

func TestBytes(t *testing.T) {
	for text, want := range map[string]app.Bytes{`0`: 0, `1024`: 1024, `"2GiB"`: 2 << 30, `"1.5 MiB"`: 3 << 19, `"2GB"`: 2e9, `"7"`: 7} {
		var got app.Bytes
		if err := json.Unmarshal([]byte(text), &got); err != nil || got != want {
			t.Errorf("%s: got %d, %v, want %d", text, got, err, want)
		}
	}
	for _, text := range []string{`"much"`, `"-1GiB"`, `""`, `"1XB"`, `"1e300TB"`} {
		var got app.Bytes
		if err := json.Unmarshal([]byte(text), &got); err == nil {
			t.Errorf("%s: got %d, want an error", text, got)
		}
	}
}
