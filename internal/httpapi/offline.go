package httpapi

import (
	"bytes"
	"net/http"
	"regexp"
	"strconv"
	"strings"
)

// asynq's pages ask another machine for fonts. They are readable in those that every machine has.
var elsewhere = regexp.MustCompile(`<link rel="stylesheet" href="https?://[^>]*>`)

// offline takes what another machine has out of the pages that h answers with.
func offline(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		page := &edited{ResponseWriter: w}
		h.ServeHTTP(page, r)
		page.end()
	})
}

// edited keeps an answer that is a page until it has ended. Others pass.
type edited struct {
	http.ResponseWriter

	status int
	passes bool
	page   bytes.Buffer
}

// WriteHeader implements http.ResponseWriter.
func (e *edited) WriteHeader(status int) {
	if e.status != 0 {
		return
	}
	e.status = status
	if kind := e.Header().Get("Content-Type"); kind != "" && !strings.HasPrefix(kind, "text/html") {
		e.passes = true
		e.ResponseWriter.WriteHeader(status)
	}
}

// Write implements http.ResponseWriter.
func (e *edited) Write(b []byte) (int, error) {
	if e.status == 0 {
		if e.Header().Get("Content-Type") == "" {
			e.Header().Set("Content-Type", http.DetectContentType(b))
		}
		e.WriteHeader(http.StatusOK)
	}
	if e.passes {
		return e.ResponseWriter.Write(b)
	}
	return e.page.Write(b)
}

func (e *edited) end() {
	if e.passes {
		return
	}
	b := elsewhere.ReplaceAll(e.page.Bytes(), nil)
	if e.Header().Get("Content-Length") != "" {
		e.Header().Set("Content-Length", strconv.Itoa(len(b)))
	}
	if e.status == 0 {
		e.status = http.StatusOK
	}
	e.ResponseWriter.WriteHeader(e.status)
	_, _ = e.ResponseWriter.Write(b) // whoever has gone away hears nothing
}
