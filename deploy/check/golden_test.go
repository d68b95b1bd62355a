package check_test

import (
	"flag"
	"os"
	"regexp"
	"testing"
)

var update = flag.Bool("update", false, "write the goldens instead of comparing them")

// Keys are drawn anew each time where no cluster has them.
var drawn = regexp.MustCompile(`(apiKey|redisPassword): [A-Za-z0-9+/=]{20,}`)

func TestGoldens(t *testing.T) {
	for name, values := range cases(t) {
		t.Run(name, func(t *testing.T) {
			text, err := render(values)
			if err != nil {
				t.Fatal(err)
			}
			got := drawn.ReplaceAll([]byte(text), []byte("$1: ZHJhd24="))
			file := "testdata/golden/" + name + ".yaml"
			if *update {
				if err := os.WriteFile(file, got, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if !same(got, want) {
				t.Errorf("%s is not what is rendered now; look at it with -update and git diff", file)
			}
			for _, o := range objects(t, text) {
				if err := strictly(o); err != nil {
					t.Errorf("%s: %v\n%s", o.id(), err, o.text)
				}
			}
		})
	}
}
