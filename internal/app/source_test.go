package app_test

import (
	"log/slog"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"retrain"
	"retrain/internal/app"
	"retrain/internal/testenv"
)

const otherSources = `
resources:
  old: {source: s3db, s3db: {prefix: databases/shop, resource: products}}
  lake: {source: files, files: {prefix: lake/flights}}
models:
  price: {type: regression, resource: old, features: [cost], target: price, filter: "price > 0", partition: {name: byDay, values: {at: "2026-03-01"}}, autoTrain: true, trainAfterInserts: 100}
  delay: {type: regression, resource: lake, features: [cost], target: price, autoTrain: true, trainAfterInserts: 100}
`

const shopDB = `{"resources":{"products":{"currentVersion":"v1","partitions":{"byDay":{"fields":{"at":"date|maxlength:10"}}},
	"versions":{"v1":{"attributes":{"cost":"number","price":"number","at":"string"}}}}}}`

// What others write is counted once, as it is found; what they take away again no longer counts.
func TestOtherSourcesAreCounted(t *testing.T) {
	store := testenv.S3(t)
	c, err := app.Parse("retrain.yaml", []byte(otherSources))
	if err != nil {
		t.Fatal(err)
	}
	c.Redis.Addr = testenv.Redis(t)
	c.S3 = app.S3{Bucket: store.Bucket, Prefix: "retrain", Endpoint: store.Endpoint, Region: store.Region, PathStyle: true,
		AccessKeyID: store.AccessKeyID, SecretAccessKey: store.SecretAccessKey}
	a, err := app.Open(t.Context(), c, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = a.Close() }) // nobody needs it any more
	others := s3.New(s3.Options{BaseEndpoint: &store.Endpoint, Region: store.Region, UsePathStyle: true,
		Credentials: credentials.NewStaticCredentialsProvider(store.AccessKeyID, store.SecretAccessKey, "")})
	put := func(key, body string, metadata map[string]string) {
		t.Helper()
		in := &s3.PutObjectInput{Bucket: &store.Bucket, Key: &key, Body: strings.NewReader(body), Metadata: metadata}
		if _, err := others.PutObject(t.Context(), in); err != nil {
			t.Fatal(err)
		}
	}
	remove := func(key string) {
		t.Helper()
		if _, err := others.DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: &store.Bucket, Key: &key}); err != nil {
			t.Fatal(err)
		}
	}
	record := func(id, price, day string) {
		t.Helper()
		put("databases/shop/resource=products/data/id="+id, "", map[string]string{"0": "1.5", "1": price, "2": day + "T10:00:00.000Z", "_v": "v1"})
	}
	put("databases/shop/s3db.json", shopDB, nil)
	record("a", "2.5", "2026-03-01")
	record("b", "-1", "2026-03-01")
	record("c", "7", "2026-03-02")
	put("lake/flights/1.csv", "cost,price\n1,2\n3,4\n", nil)
	put("lake/flights/2.jsonl", `{"cost":1,"price":2}`, nil)
	if _, _, err := a.Apply(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	counted := func(when string, price, delay int) {
		t.Helper()
		for range 2 { // again, it changes nothing
			if err := a.Sweeper.Reconcile(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		for model, want := range map[string]int{"price": price, "delay": delay} {
			s, err := a.State(t.Context(), model)
			if err != nil || s.Inserted != want {
				t.Errorf("%s: %d rows of %s, %v, want %d", when, s.Inserted, model, err, want)
			}
		}
	}
	counted("at first", 1, 3)
	record("d", "3", "2026-03-01")
	put("lake/flights/3.csv", "cost,price\n1,2\n", nil)
	counted("when more has come", 2, 4)
	put("lake/flights/1.csv", "cost,price\n1,2\n3,4\n5,6\n", nil)
	remove("lake/flights/2.jsonl")
	counted("when a file has grown, and one is gone", 2, 4)
	if err := a.Redis.Redis.FlushAll(t.Context()).Err(); err != nil {
		t.Fatal(err)
	}
	counted("when Redis has lost it all", 2, 4)

	price, err := a.Catalog.Model(t.Context(), "price")
	if err != nil {
		t.Fatal(err)
	}
	old, err := a.Catalog.Resource(t.Context(), "old")
	if err != nil {
		t.Fatal(err)
	}
	d, err := a.Source.Snapshot(t.Context(), old, price.Partition)
	if err != nil {
		t.Fatal(err)
	}
	rows := 0
	for table, err := range a.Source.Tables(t.Context(), d) {
		if err != nil {
			t.Fatal(err)
		}
		rows += table.Rows
	}
	if rows != 3 {
		t.Errorf("%d records of the day, want 3", rows)
	}
	_, err = a.Inserter.Insert(t.Context(), retrain.Batch{ID: "x", Resource: "old", Records: []retrain.Record{{"cost": 1.}}})
	if retrain.CodeOf(err) != retrain.DataValidationError {
		t.Errorf("an insert into what others write: got %v", err)
	}
}
