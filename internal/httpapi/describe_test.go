package httpapi_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"retrain/internal/httpapi"
)

var update = flag.Bool("update", false, "write docs/openapi.json anew")

const descriptionFile = "../../docs/openapi.json"

// The description that people read is what the server answers: go test ./internal/httpapi -update writes it anew.
func TestDescriptionIsWritten(t *testing.T) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(httpapi.Description()); err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile(descriptionFile, b.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	was, err := os.ReadFile(descriptionFile)
	if err != nil || !bytes.Equal(was, b.Bytes()) {
		t.Errorf("%s is not what the server answers (%v): go test ./internal/httpapi -update", descriptionFile, err)
	}
}

// description returns the description as JSON values.
func description(t *testing.T) map[string]any {
	t.Helper()
	b, err := json.Marshal(httpapi.Description())
	if err != nil {
		t.Fatal(err)
	}
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	return v.(map[string]any)
}

// The OpenAPI Initiative's own schema of OpenAPI 3.1 finds nothing wrong.
func TestDescriptionIsOpenAPI(t *testing.T) {
	f, err := os.Open("testdata/openapi-3.1.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	meta, err := jsonschema.UnmarshalJSON(f)
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	c.DefaultDraft(jsonschema.Draft2020)
	if err := c.AddResource("openapi.json", meta); err != nil {
		t.Fatal(err)
	}
	schema, err := c.Compile("openapi.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := schema.Validate(description(t)); err != nil {
		t.Errorf("%#v", err)
	}
}

// What the server answers is what the description says of it.
func TestAnswersAreAsDescribed(t *testing.T) {
	server := control(t)
	doc := description(t)
	c := jsonschema.NewCompiler()
	c.DefaultDraft(jsonschema.Draft2020)
	c.AssertFormat()
	if err := c.AddResource("doc.json", doc); err != nil {
		t.Fatal(err)
	}
	for _, o := range []struct{ method, path, at, body, status string }{
		{"GET", "/v1/models", "/v1/models", "", "200"},
		{"GET", "/v1/models/price", "/v1/models/{model}", "", "200"},
		{"GET", "/v1/models/price/spec", "/v1/models/{model}/spec", "", "200"},
		{"GET", "/v1/models/price/versions", "/v1/models/{model}/versions", "", "200"},
		{"GET", "/v1/models/price/history", "/v1/models/{model}/history", "", "200"},
		{"GET", "/v1/models/price/stats", "/v1/models/{model}/stats", "", "200"},
		{"GET", "/v1/stats", "/v1/stats", "", "200"},
		{"GET", "/v1/resources", "/v1/resources", "", "200"},
		{"GET", "/v1/resources/products", "/v1/resources/{resource}", "", "200"},
		{"POST", "/v1/resources/products/records", "/v1/resources/{resource}/records", `[{"id":"a","cost":1,"price":2}]`, "200"},
		{"PATCH", "/v1/resources/products/records/a", "/v1/resources/{resource}/records/{id}", `{"cost":2}`, "200"},
		{"GET", "/v1/resources/products/count", "/v1/resources/{resource}/count", "", "200"},
		{"POST", "/v1/models/price/train", "/v1/models/{model}/train", "", "200"},
		{"GET", "/v1/models/price/runs", "/v1/models/{model}/runs", "", "200"},
		{"GET", "/v1/runs/price-1", "/v1/runs/{run}", "", "200"},
		{"POST", "/v1/runs/price-1/cancel", "/v1/runs/{run}/cancel", "", "200"},
		{"POST", "/v1/models/price/pause", "/v1/models/{model}/pause", "", "200"},
		{"POST", "/v1/models/price/resume", "/v1/models/{model}/resume", "", "200"},
		{"PUT", "/v1/resources/more", "/v1/resources/{resource}", `{"partitions":{"byDay":["day"]}}`, "200"},
		{"POST", "/v1/apply?dryRun=true", "/v1/apply", "resources: {others: {}}\n", "200"},
		{"GET", "/v1/plant", "/v1/plant", "", "200"},
		{"GET", "/v1/errors", "/v1/errors", "", "200"},
		{"GET", "/v1/doctor", "/v1/doctor", "", "200"},
		{"GET", "/readyz", "/readyz", "", "200"},
		{"GET", "/v1/keys", "/v1/keys", "", "200"},
		{"DELETE", "/v1/models/price", "/v1/models/{model}", "", "200"},
		{"POST", "/v1/keys", "/v1/keys", `{"name":"x"}`, "201"}, // from here on a key would be needed behind a door
	} {
		status, text := call(t, o.method, server.URL+o.path, o.body)
		if got := http.StatusText(status); status < 200 || status > 299 {
			t.Errorf("%s %s: got %d %s %s", o.method, o.path, status, got, text)
			continue
		}
		escaped := strings.NewReplacer("~", "~0", "/", "~1", "{", "%7B", "}", "%7D").Replace(o.at)
		schema, err := c.Compile("doc.json#/paths/" + escaped + "/" + strings.ToLower(o.method) + "/responses/" + o.status + "/content/application~1json/schema")
		if err != nil {
			t.Fatal(err)
		}
		value, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
		if err == nil {
			err = schema.Validate(value)
		}
		if err != nil {
			t.Errorf("%s %s: %v\n%s", o.method, o.path, err, text)
		}
	}
}

// Names are those of methods of clients, and whatever the page loads is there.
func TestThePageToTryIt(t *testing.T) {
	server := control(t)
	status, text := call(t, http.MethodGet, server.URL+"/docs", "")
	if status != http.StatusOK {
		t.Fatalf("got %d", status)
	}
	for _, file := range regexp.MustCompile(`(?:src|href)="(/[^"]*)"`).FindAllStringSubmatch(text, -1) {
		if status, _ := call(t, http.MethodGet, server.URL+file[1], ""); status != http.StatusOK {
			t.Errorf("%s: got %d", file[1], status)
		}
	}
	if strings.Contains(text, "//") && regexp.MustCompile(`(src|href)="(https?:)?//`).MatchString(text) {
		t.Error("the page loads something from elsewhere")
	}
}
