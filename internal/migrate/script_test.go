package migrate_test

import (
	"context"
	"strings"
	"testing"

	"retrain"
	"retrain/internal/migrate"
	"retrain/mlcore/prep"
	"retrain/s3io"
)

// plan reads options of MLPlugin for a database with one resource, r.
func plan(t *testing.T, script string) *migrate.Plan {
	t.Helper()
	p, err := migrate.ReadPlugin("plugin.js", []byte(script))
	if err != nil {
		t.Fatalf("%v\n%s", err, script)
	}
	bucket := new(s3io.Memory)
	bucket.PutObject("db/s3db.json", s3io.Object{Body: []byte(`{"s3dbVersion":"13.6.1","resources":{"r":{"currentVersion":"v1","partitions":{},"versions":{"v1":{"attributes":{"a":"number"}}}}}}`)})
	db, err := migrate.Read(context.Background(), bucket, "b", "db")
	if err != nil {
		t.Fatal(err)
	}
	made, err := migrate.NewPlan(db, p, migrate.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return made
}

// Filters of JavaScript, the expressions that they become, and the records that both let through.
func TestFilter(t *testing.T) {
	records := []retrain.Record{
		{"id": "1", "a": 1.0, "b": 2.0, "text": "Big offer", "ok": true, "day": "2026-03-01T10:00:00Z"}, // a Sunday
		{"id": "2", "a": 0.0, "b": -3.5, "text": "small", "ok": false, "day": "2026-03-02"},
		{"id": "3", "b": 10.0, "text": "", "in": 5.0, "deep": map[string]any{"x": 4.0}},
	}
	for _, test := range []struct{ filter, want, ids string }{
		{"r => r.a > 0 && r.b < 100", "a > 0 and b < 100", "1"},
		{"(r) => r.a === 0 || r.b >= 10", "(a != nil and a == 0) or (b != nil and b >= 10)", "2 3"},
		{"r => (r.a > 0 || r.b < 0) && r.b !== 5", "((a != nil and a > 0) or (b != nil and b < 0)) and (b == nil or b != 5)", "1 2"},
		{"r => r.a", "not ((a ?? false) in [0, false])", "1"},
		{"r => !r.a", "(a ?? false) in [0, false]", "2 3"},
		{"r => !!r.ok", "not ((ok ?? false) in [0, false])", "1"},
		{"r => r.ok === true", "ok == true", "1"},
		{"r => r.a != null", "a != nil", "1 2"},
		{"r => typeof r.a === 'number'", `type(a) in ["int", "float"]`, "1 2"},
		{"r => (r.a || 7) > 5", "((not ((a ?? false) in [0, false])) ? a : 7) > 5", "2 3"},
		{"r => (r.a ?? 9) > 5", "(a ?? 9) > 5", "3"},
		{"r => Math.abs(r.b) > 3 && Math.log(r.b) > 1", "abs(b) > 3 and log(b) > 1", "3"},
		{"r => r.text.toLowerCase().includes('big')", `lower(text) contains "big"`, "1"},
		{"r => ['small', 'x'].includes(r.text)", `text in ["small", "x"]`, "2"},
		{"r => r.in > 1", `$env["in"] > 1`, "3"},
		{"r => r['deep'].x > 1", "deep.x > 1", "3"},
		{"r => r.b % 2 == 0", "(b % 2) == 0", "1 3"},
		{"r => new Date(r.day).getDay() === 0", "weekday(day) == 0", "1"},
		{"r => (r.b > 0 ? r.b : -r.b) > 3", "((b != nil and b > 0) ? b : (-b)) > 3", "2 3"},
		{"({ a, b: other }) => a + other > 2", "(a + b) > 2", "1"},
		{"function (r) { const sum = r.a + r.b; if (sum < 0) { return false; } return sum > 1; }", "not (b != nil and a != nil and (a + b) < 0) and (a + b) > 1", "1"},
		{"function f(r) { if (r.a > 0) return true; else return r.b > 5; }", "(a != nil and a > 0) ? true : (b > 5)", "1 3"},
		{"r => r.a > LIMIT * 2", "a > 0.5", "1"},
	} {
		p := plan(t, "const LIMIT = 0.25; export default { models: { m: { type: 'regression', resource: 'r', features: ['a'], target: 'b', filter: "+test.filter+" } } }")
		if len(p.Models) != 1 || len(p.Notes) > 0 {
			t.Errorf("%s: %+v %+v", test.filter, p.Left, p.Notes)
			continue
		}
		if got := p.Models[0].Filter; got != test.want {
			t.Errorf("%s: got %s, want %s", test.filter, got, test.want)
		}
		var through []string
		for _, r := range records {
			if n, err := prep.Accepts(&p.Models[0], []retrain.Record{r}); err == nil && n == 1 {
				through = append(through, r.ID())
			}
		}
		if got := strings.Join(through, " "); got != test.ids {
			t.Errorf("%s lets %q through, want %q", test.filter, got, test.ids)
		}
	}
}

// What no expression can say is left out, and said.
func TestFilterLeftOut(t *testing.T) {
	for _, filter := range []string{
		"r => known(r)", "isGood", "async r => r.a > await f()", "(r, i) => i > 10", "r => { for (;;) {} }", "r => r.list.some(x => x > 1)",
		"r => /x/.test(r.text)", "r => r.a > process.env.LIMIT", "r => { let a = 1; a++; return a }", "[...f]", "r => r.a & 1",
	} {
		p := plan(t, "new MLPlugin({ models: { m: { type: 'regression', resource: 'r', features: ['a'], target: 'b', filter: "+filter+" } } })")
		if len(p.Models) != 1 || p.Models[0].Filter != "" || len(p.Notes) != 1 || p.Notes[0].Where != "models.m.filter" {
			t.Errorf("%s: %+v, %+v, %+v", filter, p.Models, p.Notes, p.Left)
		}
	}
}

func TestMap(t *testing.T) {
	p := plan(t, `module.exports = { models: { m: { type: 'regression', resource: 'r', features: ['x', 'y'], target: 'b',
		map({ id, a, ...rest }) { const half = a / 2; return { id, ...rest, a, x: Math.log(half + 1), y: a > 1 ? 1 : 0 } } } } }`)
	m := p.Models[0]
	if len(p.Notes) > 0 || len(m.Map) != 2 || m.Map["x"] != "log((a / 2) + 1)" || m.Map["y"] != "(a != nil and a > 1) ? 1 : 0" {
		t.Errorf("%v %v", m.Map, p.Notes)
	}
	p = plan(t, `({ models: { m: { type: 'regression', resource: 'r', features: ['x'], target: 'b', map: r => scale(r) } } })`)
	if p.Models[0].Map != nil || len(p.Notes) != 1 {
		t.Errorf("%v %v", p.Models[0].Map, p.Notes)
	}
}

// Where options stand, and how they are written.
func TestReadPlugin(t *testing.T) {
	const model = `{ "type": "regression", "resource": "r", "features": ["a"], "target": "b" }`
	for name, text := range map[string]string{
		"JSON options":   `{"models": {"m": ` + model + `}}`,
		"JSON models":    `{"m": ` + model + `}`,
		"an object":      `{ models: { m: ` + model + `, }, } // what MLPlugin gets`,
		"exported":       `import { x } from 'y'; export default { models: { m: ` + model + ` } };`,
		"required":       `const s3db = require('s3db.js'); const ml = new s3db.MLPlugin({ models: { m: ` + model + ` } }); ml.start()`,
		"constants":      `const m = ` + model + `; const models = { m }; async function f() { await db.usePlugin(new MLPlugin({ models, verbose: true })) }`,
		"spread":         `const base = ` + model + `; new MLPlugin({ models: { m: { ...base, features: ['a'] } } })`,
		"module.exports": `module.exports = { m: ` + model + ` }`,
	} {
		if p := plan(t, text); len(p.Models) != 1 || p.Models[0].Name != "m" || len(p.Notes) > 0 {
			t.Errorf("%s: %+v, %+v, %+v", name, p.Models, p.Left, p.Notes)
		}
	}
	for name, text := range map[string]string{"nothing": "", "no options": "const a = 1", "broken": "new MLPlugin({ models: {", "types": "const a: number = 1", "itself": "const a = a; new MLPlugin(a)"} {
		if _, err := migrate.ReadPlugin("plugin.js", []byte(text)); retrain.CodeOf(err) != retrain.ModelConfigError {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Settings that mean something else here, or nothing.
func TestSettings(t *testing.T) {
	p := plan(t, `new MLPlugin({ minTrainingSamples: 20, saveModel: false, enableVersioning: false, cache: {}, models: {
		late: { type: 'regression', resource: 'r', features: ['a'], target: 'b', autoTrain: true, onTrained: () => {} },
		gone: { type: 'regression', resource: 'elsewhere', features: ['a'], target: 'b' },
		odd: { type: 'regression', resource: 'r', features: ['a'], target: 'b', modelConfig: { polynomial: 9 } },
		part: { type: 'classification', resource: 'r', features: ['a'], target: 'b', partition: { name: 'byKind', values: { kind: 'x' } } },
		'a/b': { type: 'neural-network', resource: 'r', features: ['a'], target: 'b', modelConfig: { earlyStopping: { patience: 3, monitor: 'val_loss' } } },
		...others } })`)
	var said []string
	for _, n := range p.Notes {
		said = append(said, n.String())
	}
	for _, l := range p.Left {
		said = append(said, l.Name+" – "+l.Why)
	}
	same(t, "settings.txt", strings.Join(said, "\n")+"\n")
	if p.MinTrainingSamples != 20 || p.SaveModel == nil || *p.SaveModel || len(p.Models) != 3 {
		t.Errorf("%+v", p)
	}
	if r := p.Resources[0]; len(r.Partitions["byKind"]) != 1 {
		t.Errorf("the partition that only the model names: %+v", r)
	}
	if m := p.Models[2]; m.Name != "a-b" || m.ModelConfig.EarlyStopping.Monitor != "valLoss" {
		t.Errorf("%+v", m)
	}
}

func FuzzReadPlugin(f *testing.F) {
	f.Add(`new MLPlugin({ models: { m: { type: 'regression', resource: 'r', features: ['a'], target: 'b', filter: r => r.a > 0 && !r.b, map: r => ({...r, x: Math.log(r.a)}) } } })`)
	f.Add(`const a = [a]; module.exports = { models: { m: { resource: a, target: "x" } } }`)
	f.Add(`({models: {m: {resource: 'r', target: 'b', filter({a}) { if (a) return false; return [a].includes(1) }}}})`)
	bucket := new(s3io.Memory)
	bucket.PutObject("s3db.json", s3io.Object{Body: []byte(`{"resources":{"r":{"currentVersion":"v1","versions":{"v1":{"attributes":{"a":"number"}}}}}}`)})
	db, err := migrate.Read(context.Background(), bucket, "b", "")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, text string) {
		p, err := migrate.ReadPlugin("plugin.js", []byte(text))
		if err != nil {
			return
		}
		plan, err := migrate.NewPlan(db, p, migrate.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := plan.YAML(); err != nil {
			t.Fatal(err)
		}
	})
}
