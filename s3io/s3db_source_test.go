package s3io_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"maps"
	"os"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"retrain"
	"retrain/s3io"
)

// A dumped object is one that s3db.js wrote.
type dumped struct {
	Key          string            `json:"key"`
	Metadata     map[string]string `json:"metadata"`
	Body         []byte            `json:"body_base64"`
	LastModified time.Time         `json:"last_modified"`
}

const dumpPrefix = "databases/myapp"

// readDump returns a database that s3db.js wrote and what it reads from it, without what it says of the objects.
func readDump(t testing.TB, version string) (objects []dumped, expected map[string]map[string]retrain.Record) {
	t.Helper()
	var file struct {
		Records map[string][]retrain.Record `json:"records"`
	}
	for name, v := range map[string]any{"_objects.json": &objects, "_expected.json": &file} {
		b, err := os.ReadFile("s3db/testdata/" + version + name)
		if err == nil {
			err = json.Unmarshal(b, v)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	expected = make(map[string]map[string]retrain.Record)
	for name, records := range file.Records {
		expected[name] = make(map[string]retrain.Record)
		for _, r := range records {
			maps.DeleteFunc(r, func(field string, v any) bool { return v == nil || strings.HasPrefix(field, "_") })
			expected[name][r.ID()] = r
		}
	}
	return objects, expected
}

// inMemory returns a bucket with a dump in it, and the sources over it and an empty bucket of ours.
func inMemory(t testing.TB, objects []dumped) (*s3io.Memory, *s3io.Sources) {
	t.Helper()
	theirs := new(s3io.Memory)
	for _, o := range objects {
		theirs.PutObject(o.Key, s3io.Object{Body: o.Body, Metadata: o.Metadata, LastModified: o.LastModified})
	}
	return theirs, sourcesOver(theirs, new(s3io.Memory))
}

func sourcesOver(theirs, ours s3io.Bucket) *s3io.Sources {
	open := func(context.Context, string) (s3io.Bucket, error) { return theirs, nil }
	return &s3io.Sources{Native: &s3io.Records{Bucket: ours}, S3DB: &s3io.S3DB{Bucket: ours, Open: open}, Files: &s3io.Files{Open: open}}
}

func legacyResource(name string) retrain.Resource {
	return retrain.Resource{Name: "legacy-" + name, Source: "s3db",
		S3DB: &retrain.S3DBSource{Bucket: "old", Prefix: dumpPrefix + "/", Resource: name, PassphraseEnv: "TEST_PASSPHRASE"}}
}

// readAll reads a resource or a partition of it.
func readAll(t testing.TB, s retrain.Source, r retrain.Resource, p *retrain.PartitionRef) []retrain.Record {
	t.Helper()
	d, err := s.Snapshot(t.Context(), r, p)
	if err != nil {
		t.Fatal(err)
	}
	all, err := readDataset(t, s, d)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func readDataset(t testing.TB, s retrain.Source, d retrain.Dataset) (all []retrain.Record, err error) {
	t.Helper()
	for table, err := range s.Tables(t.Context(), throughJSON(t, d)) {
		if err != nil {
			return all, err
		}
		for r := range table.Records() {
			all = append(all, r)
		}
	}
	return all, nil
}

// throughJSON returns a data set as it is read back from a run's start.
func throughJSON(t testing.TB, d retrain.Dataset) (back retrain.Dataset) {
	t.Helper()
	b, err := json.Marshal(d)
	if err == nil {
		err = json.Unmarshal(b, &back)
	}
	if err != nil {
		t.Fatal(err)
	}
	return back
}

var passphrases = map[string]string{"v13": "fixture-passphrase", "v21": "secret"}

func TestS3DBReadsWhatItsWriterReads(t *testing.T) {
	for version, passphrase := range passphrases {
		t.Setenv("TEST_PASSPHRASE", passphrase)
		objects, expected := readDump(t, version)
		_, sources := inMemory(t, objects)
		for name, want := range expected {
			got := byID(t, readAll(t, sources, legacyResource(name), nil))
			delete(got, "fresh") // inserted after the others were read
			compareRecords(t, version+" "+name, got, want)
		}
	}
}

func byID(t testing.TB, records []retrain.Record) map[string]retrain.Record {
	t.Helper()
	m := make(map[string]retrain.Record)
	for _, r := range records {
		if m[r.ID()] != nil {
			t.Errorf("%s is there twice", r.ID())
		}
		m[r.ID()] = r
	}
	return m
}

// compareRecords compares as JSON with twelve digits: s3db.js adds up what is read exactly here.
func compareRecords(t testing.TB, what string, got, want map[string]retrain.Record) {
	t.Helper()
	if len(got) != len(want) {
		t.Errorf("%s: %d records, want %d", what, len(got), len(want))
	}
	for id := range want {
		if g, w := rounded(map[string]any(got[id])), rounded(map[string]any(want[id])); !reflect.DeepEqual(g, w) {
			t.Errorf("%s %s: got %v, want %v", what, id, g, w)
		}
	}
}

func rounded(v any) any {
	switch v := v.(type) {
	case float64:
		return fmt.Sprintf("%.12g", v)
	case map[string]any:
		m := make(map[string]any)
		for k := range v {
			m[k] = rounded(v[k])
		}
		return m
	case []any:
		l := []any{}
		for _, x := range v {
			l = append(l, rounded(x))
		}
		return l
	}
	return v
}

func TestS3DBPartitions(t *testing.T) {
	t.Setenv("TEST_PASSPHRASE", "secret")
	objects, expected := readDump(t, "v21")
	_, sources := inMemory(t, objects)
	for _, p := range []*retrain.PartitionRef{
		{Name: "byCategory", Values: map[string]any{"category": "elec"}},
		{Name: "byCategory", Values: map[string]any{"category": "electronics"}},
		{Name: "byRegionCategory", Values: map[string]any{"region": "BR", "category": "toys"}},
		{Name: "byCreatedDate", Values: map[string]any{"createdAt": "2026-11-23"}},
		{Name: "byCategory", Values: map[string]any{"category": "../../evil"}},
	} {
		want := 0
		for _, r := range expected["products"] {
			if p.In(r) || p.Name == "byCreatedDate" {
				want++
			}
		}
		if got := len(readAll(t, sources, legacyResource("products"), p)); got != want {
			t.Errorf("%v: %d records, want %d", p, got, want)
		}
	}
	for name, p := range map[string]*retrain.PartitionRef{
		"that nobody knows": {Name: "byColour"},
		"by other fields":   {Name: "byRegionCategory", Values: map[string]any{"region": "BR"}},
	} {
		if _, err := sources.Snapshot(t.Context(), legacyResource("products"), p); !errors.Is(err, retrain.ModelConfigError) {
			t.Errorf("a partition %s: got %v", name, err)
		}
	}
}

// counting counts the requests to a bucket.
type counting struct {
	s3io.Bucket
	mu    sync.Mutex // guards the following
	gets  int
	lists int
}

func (c *counting) bucket() s3io.Bucket {
	return &s3io.Faulty{Bucket: c.Bucket, Before: func(op s3io.Op, _ string) error {
		c.mu.Lock()
		defer c.mu.Unlock()
		switch op {
		case s3io.OpGet:
			c.gets++
		case s3io.OpList:
			c.lists++
		}
		return nil
	}}
}

func (c *counting) since() (gets, lists int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	gets, lists = c.gets, c.lists
	c.gets, c.lists = 0, 0
	return gets, lists
}

// Only what has changed is fetched again, by whichever process.
func TestS3DBFetchesEachStateOnce(t *testing.T) {
	t.Setenv("TEST_PASSPHRASE", "secret")
	objects, expected := readDump(t, "v21")
	theirs, _ := inMemory(t, objects)
	ours, count := new(s3io.Memory), &counting{Bucket: theirs}
	emails := legacyResource("emails")
	key := func(id string) string { return dumpPrefix + "/resource=emails/data/id=" + id }
	put := func(id string, words string, at time.Time) {
		theirs.PutObject(key(id), s3io.Object{Metadata: map[string]string{"0": "subject of " + id, "1": words, "_v": "v1"}, LastModified: at})
	}
	step := func(name string, s *s3io.Sources, wantGets, wantBatches, wantRecords int) retrain.Dataset {
		t.Helper()
		d, err := s.Snapshot(t.Context(), emails, nil)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		gets, lists := count.since()
		if gets != wantGets+1 || lists != 1 { // and s3db.json
			t.Errorf("%s: %d gets and %d lists, want %d and 1", name, gets-1, lists, wantGets)
		}
		records, err := readDataset(t, s, d)
		if err != nil || len(records) != wantRecords || len(d.Batches()) != wantBatches {
			t.Errorf("%s: %d records in %d batches, %v, want %d in %d", name, len(records), len(d.Batches()), err, wantRecords, wantBatches)
		}
		if gets, lists := count.since(); gets+lists != 0 {
			t.Errorf("%s: reading asks the database %d times", name, gets+lists)
		}
		return d
	}
	n := len(expected["emails"])
	one, other := sourcesOver(count.bucket(), ours), sourcesOver(count.bucket(), ours)
	step("cold", one, n, 1, n)
	step("warm", one, 0, 1, n)
	step("another process", other, 0, 1, n)
	long := time.Now().Add(-time.Hour)
	put("new", "A", long)
	before := step("one is new", one, 1, 2, n+1)
	put("new", "B", long.Add(time.Minute))
	step("one has changed", other, 1, 3, n+1)
	if err := theirs.Delete(t.Context(), key("mail-0000")); err != nil {
		t.Fatal(err)
	}
	step("one is deleted", one, 0, 4, n)
	if records, err := readDataset(t, one, before); err != nil || len(records) != n+1 {
		t.Errorf("an older snapshot has %d records, %v, want %d", len(records), err, n+1)
	}
	put("young", "1", time.Now())
	step("one is young", one, 1, 5, n+1)
	put("young", "2", time.Now().Truncate(time.Second))
	d := step("it is changed within the second", one, 1, 6, n+1)
	records, err := readDataset(t, one, retrain.Dataset{Resource: d.Resource, From: d.From, Objects: append(d.Objects[:1:1], d.Objects[6])})
	if err != nil || len(records) != 1 || records[0]["wordCount"] != 2. {
		t.Errorf("the last batch has %v, %v", records, err)
	}
}

// A server that lists other times than it answers with makes work, and no second row.
func TestS3DBTimesThatDiffer(t *testing.T) {
	t.Setenv("TEST_PASSPHRASE", "secret")
	objects, expected := readDump(t, "v21")
	theirs, ours := new(s3io.Memory), new(s3io.Memory)
	for _, o := range objects {
		theirs.PutObject(o.Key, s3io.Object{Body: o.Body, Metadata: o.Metadata, LastModified: o.LastModified})
	}
	for range 3 {
		s := sourcesOver(&laterListed{theirs}, ours)
		d, err := s.Snapshot(t.Context(), legacyResource("emails"), nil)
		if err != nil {
			t.Fatal(err)
		}
		records, err := readDataset(t, s, d)
		if err != nil || len(records) != len(expected["emails"]) || len(d.Batches()) != 1 {
			t.Errorf("%d records in %d batches, %v", len(records), len(d.Batches()), err)
		}
	}
}

// laterListed lists objects a second later than they are.
type laterListed struct{ s3io.Bucket }

func (l *laterListed) List(ctx context.Context, listing s3io.Listing) iter.Seq2[s3io.ObjectInfo, error] {
	return func(yield func(s3io.ObjectInfo, error) bool) {
		for o, err := range l.Bucket.List(ctx, listing) {
			o.LastModified = o.LastModified.Add(time.Second)
			if !yield(o, err) {
				return
			}
		}
	}
}

// Processes that copy at the same time have each record in one batch.
func TestS3DBCopiesAreCountedOnce(t *testing.T) {
	t.Setenv("TEST_PASSPHRASE", "secret")
	objects, expected := readDump(t, "v21")
	theirs, _ := inMemory(t, objects)
	ours := new(s3io.Memory)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			if _, err := sourcesOver(theirs, ours).Snapshot(t.Context(), legacyResource("products"), nil); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	s := sourcesOver(theirs, ours)
	d, err := s.Snapshot(t.Context(), legacyResource("products"), nil)
	if err != nil {
		t.Fatal(err)
	}
	rows := 0
	for _, o := range d.Objects[1:] {
		one, err := readDataset(t, s, retrain.Dataset{Resource: d.Resource, From: d.From, Objects: []retrain.DataObject{d.Objects[0], o}})
		if err != nil {
			t.Fatal(err)
		}
		rows += len(one)
	}
	if want := len(expected["products"]); rows != want {
		t.Errorf("the batches have %d rows, want %d", rows, want)
	}
}

// Wherever a copying process dies, the next one ends with each record in one batch.
func TestS3DBCopyingDies(t *testing.T) {
	t.Setenv("TEST_PASSPHRASE", "secret")
	objects, expected := readDump(t, "v21")
	theirs, _ := inMemory(t, objects)
	dead := errors.New("died")
	for lost := range 8 {
		for _, after := range []bool{false, true} {
			ours, calls := new(s3io.Memory), 0
			die := func(s3io.Op, string) error {
				if calls++; calls > lost {
					return dead
				}
				return nil
			}
			crashing := &s3io.Faulty{Bucket: ours, Before: die}
			if after {
				crashing = &s3io.Faulty{Bucket: ours, After: die}
			}
			if _, err := sourcesOver(theirs, crashing).Snapshot(t.Context(), legacyResource("sales"), nil); err != nil && !errors.Is(err, dead) {
				t.Fatal(err)
			}
			s := sourcesOver(theirs, ours)
			compareRecords(t, "sales", byID(t, readAll(t, s, legacyResource("sales"), nil)), expected["sales"])
			if d, err := s.Snapshot(t.Context(), legacyResource("sales"), nil); err != nil || len(d.Batches()) != 1 {
				t.Errorf("after %d calls: %d batches, %v", lost, len(d.Batches()), err)
			}
		}
	}
}

func TestS3DBErrors(t *testing.T) {
	t.Setenv("TEST_PASSPHRASE", "secret")
	objects, _ := readDump(t, "v21")
	prefix := dumpPrefix + "/"
	replaced := func(key string, do func(*dumped)) []dumped {
		list := slices.Clone(objects)
		for i := range list {
			if list[i].Key == prefix+key {
				do(&list[i])
			}
		}
		return list
	}
	resource := func(name string, do func(*retrain.S3DBSource)) retrain.Resource {
		r := legacyResource(name)
		do(r.S3DB)
		return r
	}
	metadata := func(name, v string) func(*dumped) {
		return func(o *dumped) {
			o.Metadata = maps.Clone(o.Metadata)
			o.Metadata[name] = v
		}
	}
	email := "resource=emails/data/id=mail-0007"
	for _, c := range []struct {
		name     string
		objects  []dumped
		resource retrain.Resource
		code     retrain.Code
		want     string
	}{
		{"no s3db.json", replaced("s3db.json", func(o *dumped) { o.Key += ".old" }), legacyResource("emails"), retrain.ModelConfigError, `there is no s3db.json in "old/databases/myapp"`},
		{"half an s3db.json", replaced("s3db.json", func(o *dumped) { o.Body = o.Body[:len(o.Body)/2] }), legacyResource("emails"), retrain.DataValidationError, "s3db.json: unexpected end"},
		{"an unknown resource", objects, legacyResource("letters"), retrain.NotFoundError, `no resource "letters"`},
		{"no passphrase", objects, resource("zoo", func(s *retrain.S3DBSource) { s.PassphraseEnv = "TEST_NOT_SET" }), retrain.ModelConfigError, "TEST_NOT_SET"},
		{"a broken number", replaced(email, metadata("1", "1+1")), legacyResource("emails"), retrain.DataValidationError, "record mail-0007: attribute wordCount: not a number"},
		{"a broken percent", replaced(email, metadata("0", "u:50%")), legacyResource("emails"), retrain.DataValidationError, "record mail-0007: attribute subject"},
		{"broken base64", replaced(email, metadata("0", "b:A*")), legacyResource("emails"), retrain.DataValidationError, "record mail-0007: attribute subject"},
		{"an unknown version", replaced(email, metadata("_v", "v9")), legacyResource("emails"), retrain.DataValidationError, `record mail-0007: s3db.json does not know the version "v9"`},
		{"a cut body", replaced("resource=b_body_only/data/id=large", func(o *dumped) { o.Body = o.Body[:100] }), legacyResource("b_body_only"), retrain.DataValidationError, "record large: its body"},
		{"a cut secret", replaced("resource=t_sec/data/id=one", metadata("1", "uEk9ezxJdz")), legacyResource("t_sec"), retrain.DataValidationError, "attribute sec"},
	} {
		_, sources := inMemory(t, c.objects)
		d, err := sources.Snapshot(t.Context(), c.resource, nil)
		if err == nil {
			_, err = readDataset(t, sources, d)
		}
		if !errors.Is(err, c.code) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want a %s with %q", c.name, err, c.code, c.want)
		}
	}
	t.Setenv("TEST_PASSPHRASE", "wrong")
	_, sources := inMemory(t, objects)
	d, err := sources.Snapshot(t.Context(), legacyResource("t_sec"), nil)
	if err == nil {
		_, err = readDataset(t, sources, d)
	}
	if e, ok := errors.AsType[*retrain.Error](err); !ok || e.Code != retrain.DataValidationError || !strings.Contains(e.Message, "passphrase") || e.Hint == "" {
		t.Errorf("a wrong passphrase: got %v", err)
	}
	if got := readAll(t, sources, resource("t_sec", func(s *retrain.S3DBSource) { s.PassphraseEnv = "" }), nil); !reflect.DeepEqual(got, []retrain.Record{{"id": "one", "pad": "x"}}) {
		t.Errorf("without a passphrase: got %v", got)
	}
}

// One record that cannot be fetched is an error that names it, and not a smaller data set. One that is gone meanwhile is none.
func TestS3DBAFailingGet(t *testing.T) {
	objects, expected := readDump(t, "v21")
	theirs, _ := inMemory(t, objects)
	bad := dumpPrefix + "/resource=emails/data/id=mail-0042"
	resource := legacyResource("emails")
	resource.S3DB.PassphraseEnv = ""
	for code, fail := range map[retrain.Code]bool{retrain.UnavailableError: true, retrain.NotFoundError: false} {
		failing := &s3io.Faulty{Bucket: theirs, Before: func(op s3io.Op, key string) error {
			if op == s3io.OpGet && key == bad {
				return retrain.Errorf(code, "on purpose")
			}
			return nil
		}}
		s := sourcesOver(failing, new(s3io.Memory))
		d, err := s.Snapshot(t.Context(), resource, nil)
		if fail != (err != nil) || fail && (!errors.Is(err, code) || !strings.Contains(err.Error(), "id=mail-0042")) {
			t.Errorf("%s: got %v", code, err)
		}
		if records, err := readDataset(t, s, d); !fail && (err != nil || len(records) != len(expected["emails"])-1) {
			t.Errorf("%s: got %d records, %v", code, len(records), err)
		}
	}
}

// A real server keeps what s3db.js stores as user metadata.
func TestS3DBOnGateway(t *testing.T) {
	t.Setenv("TEST_PASSPHRASE", "fixture-passphrase")
	cfg := gateway(t)
	client := clientOf(t, cfg)
	objects, expected := readDump(t, "v13")
	names := []string{"zoo", "edge", "sales", "b_user_managed", "b_body_overflow", "b_body_only", "wide", "t_nested"}
	for _, o := range objects {
		for _, name := range append(names, "") {
			if strings.HasPrefix(o.Key, dumpPrefix+"/resource="+name+"/data/") || name == "" && strings.HasSuffix(o.Key, "/s3db.json") {
				putAsOthers(t, client, cfg.Bucket, o.Key, string(o.Body), o.Metadata)
			}
		}
	}
	theirs := open(t, cfg)
	sources := sourcesOver(theirs, s3io.Under(theirs, "retrain"))
	for _, name := range names {
		for range 2 { // they are young: compared again
			got := byID(t, readAll(t, sources, legacyResource(name), nil))
			delete(got, "fresh")
			compareRecords(t, name, got, expected[name])
		}
	}
}
