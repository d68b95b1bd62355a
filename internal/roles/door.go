package roles

import (
	"context"
	"log/slog"
	"path/filepath"
	"time"

	"github.com/urfave/cli/v2"

	"retrain/internal/app"
	"retrain/internal/httpapi"
	"retrain/internal/keyring"
)

// An Entrance says how a program's addresses are entered.
type Entrance struct {
	Key               string // with the role admin; "" for none but those that are stored
	Origins           []string
	Rate              float64
	Burst             int
	Certificate, Priv string // PEM files; "": plain HTTP
}

// TLSFlags returns the flags by which a program is told its certificate.
func TLSFlags() []cli.Flag {
	return []cli.Flag{
		&cli.PathFlag{Name: "tls-cert", Usage: "speak TLS with the certificate of `FILE`, PEM; a changed file is read again", EnvVars: []string{"RETRAIN_TLS_CERT"}},
		&cli.PathFlag{Name: "tls-key", Usage: "`FILE` of the certificate's private key, PEM", EnvVars: []string{"RETRAIN_TLS_KEY"}},
	}
}

// EntranceFlags returns the flags by which a program is told how it is entered.
func EntranceFlags() []cli.Flag {
	return []cli.Flag{
		&cli.Float64Flag{Name: "rate", Usage: "at most `N` requests a second of one API key; 0 for any number", EnvVars: []string{"RETRAIN_RATE"}},
		&cli.IntFlag{Name: "burst", Usage: "at most `N` requests at once, of those; twice the rate by default", EnvVars: []string{"RETRAIN_BURST"}},
		&cli.StringSliceFlag{Name: "cors-origin", Usage: "let pages of another site ask, like `https://shop.example`; nobody by default", EnvVars: []string{"RETRAIN_CORS_ORIGIN"}},
	}
}

// EntranceOf returns what the flags say.
func EntranceOf(c *cli.Context) (Entrance, error) {
	e := Entrance{Key: Key(), Origins: c.StringSlice("cors-origin"), Rate: c.Float64("rate"), Burst: c.Int("burst"), Certificate: absolute(c.Path("tls-cert")), Priv: absolute(c.Path("tls-key"))}
	if (e.Certificate == "") != (e.Priv == "") {
		return e, Misuse("--tls-cert and --tls-key belong together")
	}
	return e, nil
}

// absolute keeps a file's name good when the process moves to another folder, as standalone's gateway does.
func absolute(path string) string {
	if whole, err := filepath.Abs(path); err == nil && path != "" {
		return whole
	}
	return path
}

// Server returns the server's side of an address.
func (e *Entrance) Server(a *app.App, addr string) *httpapi.Server {
	ring := &keyring.Ring{Store: a.Keys, Root: e.Key, Log: a.Log}
	s := &httpapi.Server{Door: &httpapi.Door{Ring: ring, Open: httpapi.Local(addr), Origins: e.Origins, Rate: e.Rate, Burst: e.Burst, Log: a.Log}}
	if e.Certificate != "" {
		s.Certificate = &httpapi.Certificate{Cert: e.Certificate, Key: e.Priv, Log: a.Log}
	}
	return s
}

// How long it may take to find out whether there are keys.
const keysPatience = 15 * time.Second

// Keyed reports whether anybody has a key.
func (e *Entrance) Keyed(ctx context.Context, store *keyring.Store, log *slog.Logger) (bool, error) {
	if e.Key != "" {
		return true, nil
	}
	ctx, cancel := context.WithTimeout(ctx, keysPatience)
	defer cancel()
	return (&keyring.Ring{Store: store, Log: log}).Any(ctx)
}
