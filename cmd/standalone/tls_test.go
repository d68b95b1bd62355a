package main

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"retrain/internal/testenv"
)

// With a certificate both addresses speak TLS, and whoever reads client.yaml learns so.
func TestTLS(t *testing.T) {
	t.Parallel()
	p := &process{T: t, dir: t.TempDir(), listen: freeAddress(), predict: freeAddress()}
	cert, key := filepath.Join(p.dir, "cert.pem"), filepath.Join(p.dir, "key.pem")
	testenv.Certificate(t, cert, key, 1)
	p.flags = []string{"--data", filepath.Join(p.dir, "data"), "--listen", p.listen, "--predict-listen", p.predict, "--tls-cert", relative(t, cert), "--tls-key", relative(t, key)}
	t.Cleanup(p.finish)
	p.launch()
	client := filepath.Join(p.dir, "data", "client.yaml")
	p.eventually(func() error {
		text, err := os.ReadFile(client)
		if err == nil && !strings.Contains(string(text), "predictUrl: https://"+p.predict) {
			err = fmt.Errorf("client.yaml is\n%s", text)
		}
		return err
	})
	pem, err := os.ReadFile(cert)
	if err != nil {
		t.Fatal(err)
	}
	trusted := x509.NewCertPool()
	trusted.AppendCertsFromPEM(pem)
	c := http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: trusted}}}
	defer c.CloseIdleConnections()
	for _, addr := range []string{p.listen, p.predict} {
		p.eventually(func() error {
			answer, err := c.Get("https://" + addr + "/readyz")
			if err != nil {
				return err
			}
			defer answer.Body.Close()
			if answer.StatusCode != http.StatusOK {
				return fmt.Errorf("readyz of %s: %s", addr, answer.Status)
			}
			return nil
		})
	}
	if err := p.get("http://"+p.listen+"/readyz", nil); err == nil {
		t.Error("it answers without TLS as well")
	}
}

// relative returns a file's name as it is from here, which a process keeps that moves elsewhere.
func relative(t *testing.T, file string) string {
	t.Helper()
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	if file, err = filepath.Rel(here, file); err != nil {
		t.Fatal(err)
	}
	return file
}
