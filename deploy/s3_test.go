package deploy_test

import (
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"retrain"
	"retrain/internal/testenv"
)

// A watcher stands between a role and S3, and notes what is asked.
type watcher struct {
	*httptest.Server
	mu    sync.Mutex // guards asked
	asked map[string]int
}

// watch returns one before a server, for the bucket's name.
func watch(t *testing.T, endpoint, bucket string) *watcher {
	t.Helper()
	to, err := url.Parse(endpoint)
	if err != nil {
		t.Fatal(err)
	}
	w := &watcher{asked: map[string]int{}}
	proxy := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(to)
		r.Out.Host = r.In.Host // it is signed
		w.note(r.In, bucket)
	}}
	w.Server = httptest.NewServer(proxy)
	t.Cleanup(w.Close)
	return w
}

func (w *watcher) note(r *http.Request, bucket string) {
	key := strings.TrimPrefix(strings.TrimPrefix(r.URL.Path, "/"+bucket), "/")
	action := map[string]string{"GET": "s3:GetObject", "HEAD": "s3:GetObject", "PUT": "s3:PutObject", "DELETE": "s3:DeleteObject"}[r.Method]
	if key == "" && r.Method == http.MethodGet {
		action, key = "s3:ListBucket", r.URL.Query().Get("prefix")
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.asked[action+" "+key]++
}

// A policy is a document of deploy/s3.
type policy struct {
	Statement []struct{ Action, Resource []string }
}

func policyOf(t *testing.T, role string) (p policy) {
	t.Helper()
	text, err := os.ReadFile("s3/" + role + ".json")
	if err == nil {
		err = json.Unmarshal([]byte(strings.ReplaceAll(string(text), "PREFIX", "")), &p)
	}
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// allows reports whether an action on a key is allowed, as IAM decides: * stands for anything.
func (p policy) allows(action, key string) bool {
	resource := "arn:aws:s3:::BUCKET/" + key
	if action == "s3:ListBucket" {
		resource = "arn:aws:s3:::BUCKET"
	}
	for _, s := range p.Statement {
		if slices.Contains(s.Action, action) && slices.ContainsFunc(s.Resource, func(pattern string) bool {
			return regexp.MustCompile("^" + strings.ReplaceAll(regexp.QuoteMeta(pattern), `\*`, ".*") + "$").MatchString(resource)
		}) {
			return true
		}
	}
	return false
}

// Every role asks S3 for what its policy allows, and for nothing else.
func TestThePoliciesAllowWhatTheRolesDo(t *testing.T) {
	t.Parallel()
	s := newSystem(t, map[string]any{"addr": testenv.Redis(t)})
	roles := map[string]*watcher{}
	for _, role := range []string{"producer", "scheduler", "trainer", "predictor"} {
		roles[role] = watch(t, s.store.Endpoint, s.store.Bucket)
	}
	s.as(roles["scheduler"], "scheduler", "--listen", "127.0.0.1:0")
	s.as(roles["trainer"], "worker", "train")
	s.as(roles["predictor"], "worker", "predict", "--listen", s.url)
	s.env = []string{"RETRAIN_S3_ENDPOINT=" + roles["producer"].URL}

	insert := s.declare(lineModel)
	insert()
	s.flow(1, 10)
	insert()
	s.flow(2, 20)
	file := filepath.Join(t.TempDir(), "line.json")
	for _, command := range []string{"rollback line", "promote line 2", "show line", "versions line", "runs line", "status", "records line --count",
		"export line --format json -o " + file, "import " + file + " --as line --wait", "train line", "cancel line", "doctor"} {
		_ = s.try(nil, strings.Fields(command)...) // whether it succeeds is others' affair
	}
	s.state(retrain.Cancelled, retrain.Published)
	for role, w := range roles {
		p := policyOf(t, role)
		w.mu.Lock()
		asked := slices.Sorted(maps.Keys(w.asked))
		w.mu.Unlock()
		if len(asked) < 3 {
			t.Errorf("%s asked only %v", role, asked)
		}
		for _, a := range asked {
			action, key, _ := strings.Cut(a, " ")
			if !p.allows(action, key) {
				t.Errorf("%s may not: %s", role, a)
			}
		}
	}
}

func TestPoliciesGrantNoMore(t *testing.T) {
	for role, forbidden := range map[string][]string{
		"predictor": {"s3:PutObject models/a/champion.json", "s3:DeleteObject models/a/spec.json", "s3:PutObject resources/r/log/b.jsonl.zst"},
		"producer":  {"s3:PutObject models/a/versions/00000001/saved_model.pb", "s3:DeleteObject models/a/versions/00000001/manifest.json"},
		"trainer":   {"s3:PutObject models/a/spec.json", "s3:DeleteObject resources/r/log/b.jsonl.zst"},
		"scheduler": {"s3:PutObject models/a/versions/00000001/saved_model.pb"},
	} {
		for _, f := range forbidden {
			if action, key, _ := strings.Cut(f, " "); policyOf(t, role).allows(action, key) {
				t.Errorf("%s may %s", role, f)
			}
		}
	}
}
