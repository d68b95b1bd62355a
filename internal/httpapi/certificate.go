package httpapi

import (
	"crypto/tls"
	"log/slog"
	"os"
	"sync"
	"time"

	"retrain"
)

// A Certificate is a server's, in two files. When they have changed they are read again: nobody has to start the server anew.
type Certificate struct {
	Cert, Key string // PEM files
	Log       *slog.Logger

	mu     sync.Mutex // guards the following
	pair   *tls.Certificate
	stamp  string // of the files that pair is of
	looked time.Time
}

// How often the files are looked at, at most.
const lookAtFiles = time.Second

// Config returns how to speak TLS. A ModelConfigError says that the files cannot be used.
func (c *Certificate) Config() (*tls.Config, error) {
	if _, err := c.get(nil); err != nil {
		return nil, retrain.Errorf(retrain.ModelConfigError, "TLS: %w", err).WithHint("--tls-cert and --tls-key name PEM files that belong together")
	}
	return &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: c.get}, nil
}

// get returns the certificate for a connection: the one before while new files cannot be used.
func (c *Certificate) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := time.Now()
	if c.pair != nil && now.Sub(c.looked) < lookAtFiles {
		return c.pair, nil
	}
	c.looked = now
	stamp := stampOf(c.Cert) + stampOf(c.Key)
	if c.pair != nil && stamp == c.stamp {
		return c.pair, nil
	}
	pair, err := tls.LoadX509KeyPair(c.Cert, c.Key)
	if err != nil && c.pair == nil {
		return nil, err
	}
	c.stamp = stamp
	if err != nil {
		c.Log.Error("the new certificate cannot be used; the one before stays", "cert", c.Cert, "err", err)
		return c.pair, nil
	}
	c.pair = &pair
	return c.pair, nil
}

func stampOf(file string) string {
	info, err := os.Stat(file)
	if err != nil {
		return ""
	}
	return info.ModTime().String() + ";"
}
