package httpapi

import (
	"errors"
	"log/slog"
	"math"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"retrain"
	"retrain/api"
	"retrain/internal/keyring"
)

// A Door lets those in who have a key, as often as they may come.
type Door struct {
	Ring    *keyring.Ring
	Open    bool     // while there is no key at all everybody is let in: where only this machine comes
	Origins []string // of pages of other sites whose scripts may ask, like https://shop.example; none by default
	Rate    float64  // requests a second of one key; 0: any number
	Burst   int      // requests at once; twice the rate
	Log     *slog.Logger

	mu      sync.Mutex // guards the following
	visits  map[string]*rate.Limiter
	forgets time.Time // when visits that were long ago are forgotten
}

// open are the paths that need no key: what watches over a process asks there.
var open = map[string]bool{"/healthz": true, "/readyz": true, "/metrics": true, "/v2/health/live": true, "/v2/health/ready": true,
	"/monitoring/prometheus/metrics": true, "/": true, "/docs": true, "/openapi.json": true}

// needsNone reports whether a path needs no key. Pages ask for one themselves, before they show anything.
func needsNone(path string) bool {
	return open[path] || strings.HasPrefix(path, "/page/") || strings.HasPrefix(path, "/docs/")
}

// Handler returns h behind the door; refuse answers those who are not let in.
func (d *Door) handler(h http.Handler, refuse refuser) http.Handler {
	return d.shared(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Content-Type-Options", "nosniff")
		if needsNone(r.URL.Path) {
			h.ServeHTTP(w, r)
			return
		}
		k, err := d.Ring.Find(r.Context(), given(r), d.Open)
		if errors.Is(err, keyring.ErrNone) {
			w.Header().Set("WWW-Authenticate", `Basic realm="retrain"`)
			err = refusal{keyring.ErrNone, http.StatusUnauthorized}
		}
		if err == nil && k == nil && r.Host != "" && !Local(hostport(r.Host)) { // a browser always says it
			err = refusal{errOtherName, http.StatusMisdirectedRequest}
		}
		if err == nil {
			err = d.visit(w, k)
		}
		if err != nil {
			refuse(w, r, err)
			return
		}
		h.ServeHTTP(w, with(r, k))
	}))
}

// Where nobody needs a key, the machine's browsers are let in as well. A page that lets its own name point to 127.0.0.1 would be one of
// the same origin to them, but its name stands in the request.
var errOtherName = retrain.Errorf(retrain.DataValidationError, "without a key this machine is asked by its own names alone").
	WithHint("ask localhost or 127.0.0.1; or let it have a key: producer keys create")

// hostport returns a Host header with a port.
func hostport(host string) string {
	if _, _, err := net.SplitHostPort(host); err == nil {
		return host
	}
	return net.JoinHostPort(strings.Trim(host, "[]"), "80")
}

// given returns the key of a request: a bearer token, X-API-Key, or the password that a browser asks for.
func given(r *http.Request) string {
	if _, password, ok := r.BasicAuth(); ok {
		return password
	}
	if kind, token, ok := strings.Cut(r.Header.Get("Authorization"), " "); ok && strings.EqualFold(kind, "Bearer") {
		return strings.TrimSpace(token)
	}
	return r.Header.Get("X-Api-Key")
}

// visit returns an OverloadedError for whoever comes too often.
func (d *Door) visit(w http.ResponseWriter, k *api.Key) error {
	if d.Rate <= 0 {
		return nil
	}
	id, now := "", time.Now()
	if k != nil {
		id = k.ID
	}
	ticket := d.limiter(id, now).ReserveN(now, 1)
	wait := ticket.DelayFrom(now)
	if wait == 0 {
		return nil
	}
	ticket.CancelAt(now)
	w.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(wait.Seconds()))))
	return retrain.Errorf(retrain.OverloadedError, "more than %g requests a second", d.Rate).WithHint("come again after the seconds that Retry-After says")
}

// How long a visit is remembered.
const remembered = 10 * time.Minute

func (d *Door) limiter(id string, now time.Time) *rate.Limiter {
	d.mu.Lock()
	defer d.mu.Unlock()
	if now.After(d.forgets) { // whoever comes again after that long may come as often as he may at first
		d.visits, d.forgets = make(map[string]*rate.Limiter), now.Add(remembered)
	}
	l := d.visits[id]
	if l == nil {
		burst := d.Burst
		if burst == 0 {
			burst = max(1, int(2*d.Rate))
		}
		l = rate.NewLimiter(rate.Limit(d.Rate), burst)
		d.visits[id] = l
	}
	return l
}

// shared lets the scripts of other sites' pages ask, where that is said.
func (d *Door) shared(h http.Handler) http.Handler {
	if len(d.Origins) == 0 {
		return h
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		origin, headers := r.Header.Get("Origin"), w.Header()
		headers.Add("Vary", "Origin")
		if !slices.Contains(d.Origins, origin) {
			h.ServeHTTP(w, r)
			return
		}
		headers.Set("Access-Control-Allow-Origin", origin)
		headers.Set("Access-Control-Expose-Headers", "X-Model-Version, Retry-After")
		if r.Method == http.MethodOptions && r.Header.Get("Access-Control-Request-Method") != "" {
			headers.Set("Access-Control-Allow-Methods", "GET, POST, PUT, PATCH, DELETE")
			headers.Set("Access-Control-Allow-Headers", "Authorization, Content-Type, Content-Encoding, Idempotency-Key, Last-Event-ID, X-API-Key, "+timeoutHeader)
			headers.Set("Access-Control-Max-Age", "600")
			w.WriteHeader(http.StatusNoContent)
			return
		}
		h.ServeHTTP(w, r)
	})
}
