package httpapi_test

import (
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"retrain"
	"retrain/internal/httpapi"
	"retrain/internal/testenv"
)

// A new certificate is used without a restart, and one that is broken is not.
func TestACertificateThatHasChangedIsReadAgain(t *testing.T) {
	cert, key := filepath.Join(t.TempDir(), "cert.pem"), filepath.Join(t.TempDir(), "key.pem")
	c := &httpapi.Certificate{Cert: cert, Key: key, Log: slog.New(slog.DiscardHandler)}
	if _, err := c.Config(); !errors.Is(err, retrain.ModelConfigError) {
		t.Fatalf("without files: got %v", err)
	}
	testenv.Certificate(t, cert, key, 1)
	config, err := c.Config()
	if err != nil {
		t.Fatal(err)
	}
	l, err := tls.Listen("tcp", "127.0.0.1:0", config)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		for conn, err := l.Accept(); err == nil; conn, err = l.Accept() {
			_ = conn.(*tls.Conn).Handshake()
			conn.Close()
		}
	}()
	serves := func(serial int64) error {
		conn, err := tls.Dial("tcp", l.Addr().String(), &tls.Config{InsecureSkipVerify: true})
		if err != nil {
			return err
		}
		defer conn.Close()
		if got := conn.ConnectionState().PeerCertificates[0].SerialNumber.Int64(); got != serial {
			return fmt.Errorf("certificate %d is served, want %d", got, serial)
		}
		return nil
	}
	if err := serves(1); err != nil {
		t.Error(err)
	}
	if err := os.WriteFile(key, []byte("broken"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := serves(1); err != nil {
		t.Error(err)
	}
	testenv.Certificate(t, cert, key, 2)
	testenv.Eventually(t, time.Minute, func() error { return serves(2) })
}
