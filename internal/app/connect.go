package app

import (
	"crypto/tls"
	"crypto/x509"
	"strings"

	"retrain"
	"retrain/s3io"
	"retrain/tasks"
)

func (s S3) s3io() s3io.Config {
	return s3io.Config{Bucket: s.Bucket, Prefix: strings.TrimSuffix(s.Prefix, "/"), Endpoint: s.Endpoint, Region: s.Region, PathStyle: s.PathStyle,
		AccessKeyID: s.AccessKeyID, SecretAccessKey: s.SecretAccessKey}
}

func (r Redis) tasks() (tasks.Config, error) {
	c := tasks.Config{Addr: r.Addr, Username: r.Username, Password: r.Password, DB: r.DB, Cluster: r.Cluster}
	if s := r.Sentinel; s != nil {
		c.Sentinel = tasks.Sentinel{Master: s.Master, Addrs: s.Addrs, Username: s.Username, Password: s.Password}
	}
	if r.TLS == nil {
		return c, nil
	}
	var err error
	c.TLS, err = r.TLS.config()
	return c, err
}

// config reads the files that it names.
func (t *TLS) config() (*tls.Config, error) {
	c := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: t.ServerName, InsecureSkipVerify: t.InsecureSkipVerify} //nolint:gosec // only where a person says so
	if t.CA != "" {
		pem, err := ReadFile(t.CA)
		if err != nil {
			return nil, err
		}
		c.RootCAs = x509.NewCertPool()
		if !c.RootCAs.AppendCertsFromPEM(pem) {
			return nil, retrain.Errorf(retrain.ModelConfigError, "%s: no certificate in it", t.CA)
		}
	}
	if t.Cert == "" && t.Key == "" {
		return c, nil
	}
	pair, err := tls.LoadX509KeyPair(t.Cert, t.Key)
	if err != nil {
		return nil, retrain.Errorf(retrain.ModelConfigError, "redis.tls: %w", err)
	}
	c.Certificates = []tls.Certificate{pair}
	return c, nil
}
