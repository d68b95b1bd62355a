package migrate_test

import (
	"context"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"retrain/internal/app"
	"retrain/internal/migrate"
	"retrain/s3io"
)

var update = flag.Bool("update", false, "write testdata anew")

// shop returns a bucket with what the shop stored by one version of s3db.js.
func shop(t *testing.T, version string) *s3io.Memory {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", version+".json"))
	if err != nil {
		t.Fatal(err)
	}
	var all []dumped
	if err := json.Unmarshal(text, &all); err != nil {
		t.Fatal(err)
	}
	bucket := new(s3io.Memory)
	for _, o := range all {
		bucket.PutObject(o.Key, s3io.Object{Body: o.Body, Metadata: o.Metadata, LastModified: o.LastModified})
	}
	return bucket
}

// same compares a text with a file in testdata, or writes it with -update.
func same(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s: got\n%s\nwant\n%s", name, got, want)
	}
}

// What a real shop of s3db.js becomes, with the plugin's configuration and without.
func TestPlan(t *testing.T) {
	text, err := os.ReadFile("testdata/shop.mjs")
	if err != nil {
		t.Fatal(err)
	}
	plugin, err := migrate.ReadPlugin("shop.mjs", text)
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name, version string
		plugin        *migrate.Plugin
	}{{"13-told", "13", plugin}, {"13-stored", "13", nil}, {"21-told", "21", plugin}, {"21-stored", "21", nil}} {
		t.Run(test.name, func(t *testing.T) {
			bucket := shop(t, test.version)
			db, err := migrate.Read(t.Context(), bucket, "old", "shop")
			if err != nil {
				t.Fatal(err)
			}
			plan, err := migrate.NewPlan(db, test.plugin, migrate.Options{})
			if err != nil {
				t.Fatal(err)
			}
			yaml, err := plan.YAML()
			if err != nil {
				t.Fatal(err)
			}
			same(t, test.name+".yaml", yaml)
			c, err := app.Parse(test.name, []byte(yaml))
			if err != nil {
				t.Fatalf("%v\n%s", err, yaml)
			}
			if len(c.Models) != len(plan.Models) || len(c.Resources) != 3 {
				t.Errorf("the file has %d models and %d resources", len(c.Models), len(c.Resources))
			}
			source := &s3io.S3DB{Bucket: new(s3io.Memory), Open: func(context.Context, string) (s3io.Bucket, error) { return bucket, nil }}
			checked, err := plan.Check(t.Context(), source, func(string) {})
			if err != nil {
				t.Fatal(err)
			}
			if test.plugin != nil {
				asLearnt(t, bucket, checked)
			}
			b, _ := json.MarshalIndent(checked, "", " ")
			same(t, test.name+".checked.json", string(b)+"\n")
		})
	}
}

// asLearnt compares the rows that models would learn from with those that the plugin itself learnt from, by filters and maps of
// JavaScript.
func asLearnt(t *testing.T, bucket *s3io.Memory, checked []migrate.Checked) {
	t.Helper()
	compared := 0
	for o, err := range bucket.List(t.Context(), s3io.Listing{Prefix: "shop/resource="}) {
		if err != nil {
			t.Fatal(err)
		}
		name, is := strings.CutSuffix(o.Key[strings.LastIndex(o.Key, "models/")+len("models/"):], "/v1")
		if !is || !strings.Contains(o.Key, "/models/") {
			continue
		}
		var stored struct {
			ModelData struct{ Stats struct{ Samples int } }
		}
		body, _, err := bucket.Get(t.Context(), o.Key)
		if err == nil {
			err = json.Unmarshal(body, &stored)
		}
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range checked {
			if c.Model != strings.ReplaceAll(name, " ", "-") {
				continue
			}
			if compared++; c.Rows != stored.ModelData.Stats.Samples {
				t.Errorf("%s would learn from %d rows, the plugin learnt from %d", name, c.Rows, stored.ModelData.Stats.Samples)
			}
		}
	}
	if compared != len(checked) {
		t.Errorf("compared %d of %d models", compared, len(checked))
	}
}

// All that the databases of the decoder's tests hold can be declared, and read by the file that is written.
func TestFixtures(t *testing.T) {
	for _, version := range []string{"v13", "v21"} {
		text, err := os.ReadFile("../../s3io/s3db/testdata/" + version + "_objects.json")
		if err != nil {
			t.Fatal(err)
		}
		var objects []struct {
			Key      string
			Metadata map[string]string
			Body     []byte    `json:"body_base64"`
			At       time.Time `json:"last_modified"`
		}
		if err := json.Unmarshal(text, &objects); err != nil {
			t.Fatal(err)
		}
		bucket := new(s3io.Memory)
		for _, o := range objects {
			bucket.PutObject(o.Key, s3io.Object{Body: o.Body, Metadata: o.Metadata, LastModified: o.At})
		}
		db, err := migrate.Read(t.Context(), bucket, "old", "databases/myapp")
		if err != nil {
			t.Fatal(err)
		}
		plugin, err := migrate.ReadPlugin("plugin.json", []byte(`{"models": {
			"price": {"type": "regression", "resource": "products", "features": ["cost", "margin", "demand"], "target": "price", "partition": {"name": "byCategory", "values": {"category": "toys"}}},
			"spam": {"type": "classification", "resource": "emails", "features": ["wordCount", "linkCount", "flagged"], "target": "isSpam"},
			"takings": {"type": "timeseries", "resource": "sales", "features": ["temperature"], "target": "revenue"}}}`))
		if err != nil {
			t.Fatal(err)
		}
		plan, err := migrate.NewPlan(db, plugin, migrate.Options{PassphraseEnv: "OLD_PASSPHRASE"})
		if err != nil {
			t.Fatal(err)
		}
		yaml, err := plan.YAML()
		if err != nil {
			t.Fatal(err)
		}
		c, err := app.Parse(version, []byte(yaml))
		if err != nil {
			t.Fatalf("%v\n%s", err, yaml)
		}
		if len(c.Resources) != len(db.Resources) || len(db.Resources) < 10 {
			t.Errorf("%s: %d of %d resources are declared", version, len(c.Resources), len(db.Resources))
		}
		source := &s3io.S3DB{Bucket: new(s3io.Memory), Open: func(context.Context, string) (s3io.Bucket, error) { return bucket, nil }}
		checked, err := plan.Check(t.Context(), source, func(string) {})
		if err != nil || len(checked) != 3 {
			t.Fatalf("%v %v", checked, err)
		}
		for _, m := range checked {
			if m.Rows == 0 || m.Problem != "" || len(m.Absent) > 0 {
				t.Errorf("%s: %+v", version, m)
			}
		}
		t.Logf("%s: %d resources, %+v", version, len(c.Resources), checked)
	}
}
