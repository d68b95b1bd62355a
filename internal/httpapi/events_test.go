package httpapi_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"retrain"
	"retrain/internal/httpapi"
	"retrain/internal/testenv"
)

const readElsewhere = `
resources:
  old: {source: s3db, s3db: {prefix: databases/shop, resource: products}}
  lake: {source: files, files: {prefix: lake/}}
  products: {}
models:
  price: {type: regression, resource: old, features: [cost], target: price, autoTrain: true, trainAfterInserts: 3}
  delay: {type: regression, resource: lake, features: [cost], target: price, autoTrain: true, trainAfterInserts: 100}
`

// notified is what S3 and MinIO send of a created object.
func notified(bucket, key string) string {
	return fmt.Sprintf(`{"EventName":"s3:ObjectCreated:Put","Key":"%[1]s/%[2]s","Records":[{"eventVersion":"2.1","eventSource":"aws:s3","eventName":"ObjectCreated:Put",
		"s3":{"bucket":{"name":%[1]q},"object":{"key":%[2]q,"size":1}}}]}`, bucket, url.QueryEscape(key))
}

// What others write is counted when S3 says that it has come, once however often it says so, and a training begins.
func TestS3Events(t *testing.T) {
	store := testenv.S3(t)
	server := controlOf(t, store, readElsewhere)
	events := server.URL + "/v1/events/s3"
	others := s3.New(s3.Options{BaseEndpoint: &store.Endpoint, Region: store.Region, UsePathStyle: true,
		Credentials: credentials.NewStaticCredentialsProvider(store.AccessKeyID, store.SecretAccessKey, "")})
	put := func(key, body string, metadata map[string]string) {
		t.Helper()
		if _, err := others.PutObject(t.Context(), &s3.PutObjectInput{Bucket: &store.Bucket, Key: &key, Body: strings.NewReader(body), Metadata: metadata}); err != nil {
			t.Fatal(err)
		}
	}
	say := func(message string, status int, want string) {
		t.Helper()
		if got, text := call(t, http.MethodPost, events, message); got != status || !strings.Contains(text, want) {
			t.Errorf("%.60s: got %d %s, want %d %s", message, got, text, status, want)
		}
	}
	put("databases/shop/s3db.json", `{"resources":{"products":{"currentVersion":"v1","versions":{"v1":{"attributes":{"cost":"number","price":"number"}}}}}}`, nil)
	put("lake/some flights.csv", "cost,price\n1,2\n3,4\n", nil)
	for i := range 3 {
		key := fmt.Sprintf("databases/shop/resource=products/data/id=%d", i)
		put(key, "", map[string]string{"0": "1.5", "1": "2", "_v": "v1"})
		for range 2 {
			say(notified(store.Bucket, key), http.StatusAccepted, `{"resources":["old"]}`)
		}
	}
	say(fmt.Sprintf(`{"Type":"Notification","TopicArn":"t","Message":%q}`, notified(store.Bucket, "lake/some flights.csv")), http.StatusAccepted, `["lake"]`)
	eventually(t, server, "price", `"state":"queued"`)
	eventually(t, server, "delay", `"insertsSinceTraining":2`)

	put("lake/more flights.csv", "cost,price\n1,2\n", nil)
	say(fmt.Sprintf(`{"version":"0","detail-type":"Object Created","source":"aws.s3","detail":{"bucket":{"name":%q},"object":{"key":"lake/more flights.csv"}}}`, store.Bucket),
		http.StatusAccepted, `["lake"]`)
	eventually(t, server, "delay", `"insertsSinceTraining":3`)

	for _, ignored := range []string{
		notified("elsewhere", "lake/1.csv"), notified(store.Bucket, "pond/1.csv"), notified(store.Bucket, "resources/products/log/b.jsonl.zst"), `{"Records":[]}`, `{}`,
		`{"Service":"Amazon S3","Event":"s3:TestEvent","Bucket":"b"}`, `{"Type":"SubscriptionConfirmation","TopicArn":"t","SubscribeURL":"http://127.0.0.1:1/"}`,
	} {
		say(ignored, http.StatusNoContent, "")
	}
	for _, broken := range []string{``, `{`, `[]`, `{"Records":{}}`, `{"Message":"{"}`, strings.Replace(notified(store.Bucket, "x"), `"key":"x"`, `"key":"%zz"`, 1)} {
		say(broken, http.StatusBadRequest, `"code":"DataValidationError"`)
	}
	say(`{"Records":[]`+strings.Repeat(" ", 1<<20)+`}`, http.StatusRequestEntityTooLarge, `"code"`)
	if got, _ := call(t, http.MethodGet, events, ""); got != http.StatusMethodNotAllowed {
		t.Errorf("GET: got %d", got)
	}
}

// eventually waits until a model's status has some text.
func eventually(t *testing.T, server *httptest.Server, model, want string) {
	t.Helper()
	testenv.Eventually(t, 20*time.Second, func() error {
		if status, got := call(t, http.MethodGet, server.URL+"/v1/models/"+model, ""); status != http.StatusOK || !strings.Contains(got, want) {
			return fmt.Errorf("%d %s", status, got)
		}
		return nil
	})
}

// FuzzS3Events takes anything without harm.
func FuzzS3Events(f *testing.F) {
	f.Add(notified("b", "lake/1.csv"))
	f.Add(`{"Type":"Notification","Message":"{\"Records\":[{}]}"}`)
	f.Add(`{"source":"aws.s3","detail":{"bucket":{"name":"b"},"object":{"key":"%"}}}`)
	f.Fuzz(func(t *testing.T, message string) {
		if _, err := httpapi.ChangesIn([]byte(message)); err != nil && !errors.Is(err, retrain.DataValidationError) {
			t.Errorf("got %v, want a DataValidationError", err)
		}
	})
}
