package httpapi

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"time"

	"retrain"
	"retrain/api"
	"retrain/s3io"
)

// The most that one notification may have, in bytes: a thousand changes.
const mostNotified = 1 << 20

// A change is an object that came, changed or went.
type change struct{ bucket, key string }

// s3Events takes notifications of S3: those that AWS and MinIO send, as they are, in an envelope of SNS, or as EventBridge has
// them. The resources that read what has changed are looked at now, instead of at the next reconciliation. A notification is a
// hint: one that is lost, comes twice or too late changes nothing in what is counted.
func (c *Control) s3Events(w http.ResponseWriter, r *http.Request) (any, error) {
	message, err := body(w, r, mostNotified)
	if err != nil {
		return nil, err
	}
	changes, err := changesIn(message)
	if err != nil {
		return nil, err
	}
	specs, err := c.App.Catalog.Specs(r.Context())
	if err != nil {
		return nil, err
	}
	var touched []string
	for i := range specs.Resources {
		res := &specs.Resources[i]
		if slices.ContainsFunc(changes, func(o change) bool { return s3io.Touches(res, o.bucket, o.key, c.App.Config.S3.Bucket) }) {
			touched = append(touched, res.Name)
		}
	}
	if len(touched) == 0 {
		return withStatus{status: http.StatusNoContent}, nil
	}
	for _, name := range touched {
		c.looks.ask(name)
	}
	return withStatus{api.Changed{Resources: touched}, http.StatusAccepted}, nil
}

// changesIn returns what a notification says has changed.
func changesIn(message []byte) ([]change, error) {
	var n notification
	if err := json.Unmarshal(message, &n); err != nil {
		return nil, notNotified(err)
	}
	if n.Type == subscription || n.Message == "" {
		return n.changes()
	}
	var inner notification
	if err := json.Unmarshal([]byte(n.Message), &inner); err != nil {
		return nil, notNotified(err)
	}
	return inner.changes()
}

// The type of a message by which SNS asks whether it may send others. Whoever subscribes us to something is not obeyed: a person
// confirms it.
const subscription = "SubscriptionConfirmation"

func notNotified(err error) error {
	return retrain.Errorf(retrain.DataValidationError, "not a notification of S3: %w", err).
		WithHint(`S3 sends {"Records":[{"s3":{"bucket":{"name":…},"object":{"key":…}}}]}`)
}

// A notification is what S3 sends, or SNS or EventBridge in its place.
type notification struct {
	Records []struct {
		S3 objectOf `json:"s3"`
	} `json:"Records"`

	Source string   `json:"source"` // EventBridge
	Detail objectOf `json:"detail"`

	Type    string `json:"Type"` // SNS
	Message string `json:"Message"`
}

type objectOf struct {
	Bucket struct {
		Name string `json:"name"`
	} `json:"bucket"`
	Object struct {
		Key string `json:"key"`
	} `json:"object"`
}

// changes returns the objects; keys are encoded as in the query of an address, but not by EventBridge.
func (n *notification) changes() (all []change, err error) {
	for _, r := range n.Records {
		key, err := url.QueryUnescape(r.S3.Object.Key)
		if err != nil {
			return nil, notNotified(err)
		}
		all = append(all, change{r.S3.Bucket.Name, key})
	}
	if n.Source == "aws.s3" {
		all = append(all, change{n.Detail.Bucket.Name, n.Detail.Object.Key})
	}
	return all, nil
}

// looks has resources looked at that somebody has asked for, each by one goroutine at a time, and not more often than is of use.
type looks struct {
	look func(resource string) error
	end  <-chan struct{}
	log  *slog.Logger

	all   sync.WaitGroup
	mu    sync.Mutex      // guards the following
	asked map[string]bool // by resource that is being looked at: somebody has asked since
}

// How often a resource is looked at. Records come by the hundred; each look is a listing.
const lookEvery = time.Second

func newLooks(ctx context.Context, log *slog.Logger, look func(ctx context.Context, resource string) error) *looks {
	return &looks{end: ctx.Done(), log: log, asked: make(map[string]bool), look: func(resource string) error { return look(ctx, resource) }}
}

// ask has a resource looked at. It does not wait for it.
func (l *looks) ask(resource string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, busy := l.asked[resource]; busy {
		l.asked[resource] = true
		return
	}
	l.asked[resource] = true
	l.all.Go(func() { l.answer(resource) })
}

// answer looks as long as somebody has asked since the last look began.
func (l *looks) answer(resource string) {
	for l.again(resource) {
		if err := l.look(resource); err != nil {
			l.log.Warn("look at what S3 says has changed; the next reconciliation will", "resource", resource, "err", err)
		}
		select {
		case <-time.After(lookEvery):
		case <-l.end:
			return
		}
	}
}

func (l *looks) again(resource string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.asked[resource] {
		delete(l.asked, resource)
		return false
	}
	l.asked[resource] = false
	return true
}
