package s3io_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"retrain"
	"retrain/s3io"
)

// A big database is a bucket with some thousand records, of which the test knows which there are.
type bigDatabase struct {
	theirs *s3io.Memory
	truth  map[string]string // the subject by id
	random *rand.Rand
	at     time.Time
}

func newBigDatabase(t *testing.T, rows int) *bigDatabase {
	t.Helper()
	objects, _ := readDump(t, "v21")
	db := &bigDatabase{theirs: new(s3io.Memory), truth: make(map[string]string), random: rand.New(rand.NewPCG(1, 2)), at: time.Now().Add(-time.Hour).Truncate(time.Second)}
	for _, o := range objects {
		if strings.HasSuffix(o.Key, "/s3db.json") {
			db.theirs.PutObject(o.Key, s3io.Object{Body: o.Body, LastModified: o.LastModified})
		}
	}
	for range rows {
		db.put(db.id())
	}
	return db
}

func (db *bigDatabase) id() string {
	return fmt.Sprintf("%c%011x", db.random.IntN(26)+'a', db.random.Int64N(1<<44))
}

func (db *bigDatabase) key(id string) string { return dumpPrefix + "/resource=emails/data/id=" + id }

func (db *bigDatabase) put(id string) {
	db.at = db.at.Add(time.Second / 8)
	db.truth[id] = fmt.Sprintf("subject %d", db.random.Int())
	db.theirs.PutObject(db.key(id), s3io.Object{Metadata: map[string]string{"0": db.truth[id], "_v": "v1"}, LastModified: db.at.Truncate(time.Second)})
}

func (db *bigDatabase) delete(t *testing.T, id string) {
	t.Helper()
	delete(db.truth, id)
	if err := db.theirs.Delete(t.Context(), db.key(id)); err != nil {
		t.Fatal(err)
	}
}

// change adds, changes and deletes records everywhere: before the first, behind the last, and at every place between.
func (db *bigDatabase) change(t *testing.T) {
	t.Helper()
	db.at = db.at.Add(time.Second) // no change within the second of another: those are found by being young
	ids := slices.Sorted(maps.Keys(db.truth))
	for range 20 {
		db.put(db.id())
		db.put(ids[db.random.IntN(len(ids))])
	}
	db.put("0" + db.id())
	db.put("~" + db.id())
	from := db.random.IntN(len(ids) - 400)
	for _, id := range ids[from : from+400] { // a gap, in which ranges may end
		db.delete(t, id)
	}
	for i := range 1200 { // more than a page between two keys
		db.put(fmt.Sprintf("%s-%04d", ids[from], i))
	}
	for i := 0; i < len(ids); i += 7 {
		if db.random.IntN(20) == 0 && db.truth[ids[i]] != "" {
			db.delete(t, ids[i])
		}
	}
}

func (db *bigDatabase) compare(t *testing.T, got []retrain.Record) {
	t.Helper()
	is := make(map[string]string, len(got))
	for _, r := range got {
		is[r.ID()], _ = r["subject"].(string)
	}
	if len(is) != len(got) || !maps.Equal(is, db.truth) {
		t.Errorf("got %d records with %d ids, want %d, or others than these", len(got), len(is), len(db.truth))
	}
}

func emailsWithoutSecrets() retrain.Resource {
	r := legacyResource("emails")
	r.S3DB.PassphraseEnv = ""
	return r
}

// Whatever becomes of a database whose ranges are listed side by side, each record is read once, as it is.
func TestS3DBRanges(t *testing.T) {
	db := newBigDatabase(t, 4000)
	count, ours := &counting{Bucket: db.theirs}, new(s3io.Memory)
	warm := sourcesOver(count.bucket(), ours)
	for round := range 6 {
		db.compare(t, readAll(t, warm, emailsWithoutSecrets(), nil))
		count.since()
		db.compare(t, readAll(t, warm, emailsWithoutSecrets(), nil))
		if gets, lists := count.since(); gets != 1 || lists < 2 {
			t.Errorf("round %d: unchanged records cost %d gets and %d lists, want 1, and several lists", round, gets, lists)
		}
		db.compare(t, readAll(t, sourcesOver(db.theirs, ours), emailsWithoutSecrets(), nil)) // another process
		db.change(t)
	}
}

// A range that cannot be listed is an error, and no record is taken for deleted because of it.
func TestS3DBAFailingRange(t *testing.T) {
	db := newBigDatabase(t, 3000)
	broken := &brokenListing{Bucket: db.theirs}
	s := sourcesOver(broken, new(s3io.Memory))
	first := readAll(t, s, emailsWithoutSecrets(), nil)
	db.compare(t, first)
	for name, how := range map[string]func(*brokenListing){
		"no answer":      func(b *brokenListing) { b.err = retrain.Errorf(retrain.UnavailableError, "on purpose") },
		"no start-after": func(b *brokenListing) { b.fromStart = true },
	} {
		how(broken)
		if _, err := s.Snapshot(t.Context(), emailsWithoutSecrets(), nil); !errors.Is(err, retrain.UnavailableError) {
			t.Errorf("%s: got %v", name, err)
		}
		*broken = brokenListing{Bucket: db.theirs}
		d, err := s.Snapshot(t.Context(), emailsWithoutSecrets(), nil)
		if err != nil || len(d.Batches()) != 1 {
			t.Errorf("%s: afterwards there are %d batches, %v, want 1", name, len(d.Batches()), err)
		}
	}
}

// A brokenListing is a bucket that lists the records of some range otherwise than it should.
type brokenListing struct {
	s3io.Bucket

	err       error // after 700 keys of a range that does not begin at the first
	fromStart bool  // After is not heeded
}

func (b *brokenListing) List(ctx context.Context, l s3io.Listing) iter.Seq2[s3io.ObjectInfo, error] {
	if l.After == "" {
		return b.Bucket.List(ctx, l)
	}
	if b.fromStart {
		l.After = ""
	}
	return func(yield func(s3io.ObjectInfo, error) bool) {
		n := 0
		for o, err := range b.Bucket.List(ctx, l) {
			if n++; n > 700 && b.err != nil {
				yield(s3io.ObjectInfo{}, b.err)
				return
			}
			if !yield(o, err) {
				return
			}
		}
	}
}

// Tables that are read again are those that were read, whatever became of the ones before.
func TestS3DBTablesAreKept(t *testing.T) {
	db := newBigDatabase(t, 100)
	s := sourcesOver(db.theirs, new(s3io.Memory))
	d, err := s.Snapshot(t.Context(), emailsWithoutSecrets(), nil)
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		for table, err := range s.Tables(t.Context(), d) {
			if err != nil {
				t.Fatal(err)
			}
			if table.Column("id") == nil || table.Rows != 100 {
				t.Errorf("a table of %d rows with %d columns", table.Rows, len(table.Columns))
			}
			clear(table.Columns) // which columns a table has is for whoever reads it
		}
	}
}
