package httpapi

import (
	"crypto/sha256"
	"fmt"
	"io/fs"
	"net/http"

	"github.com/klauspost/compress/gzhttp"
)

// static serves files that change only with the program: compressed for whoever takes that, and who has them already is told so.
// They must be embedded.
func static(files fs.FS) http.Handler {
	tag, serve := etagOf(files), http.FileServerFS(files)
	return gzhttp.GzipHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("ETag", tag)
		w.Header().Set("Cache-Control", "no-cache") // but ask: the next program may have others
		serve.ServeHTTP(w, r)
	}))
}

// etagOf returns one tag for all files: browsers that have one of a program's pages have all. It is weak, since compressed they are
// other bytes.
func etagOf(files fs.FS) string {
	sum := sha256.New()
	err := fs.WalkDir(files, ".", func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		body, err := fs.ReadFile(files, path)
		fmt.Fprintf(sum, "%s %d\n%s", path, len(body), body)
		return err
	})
	if err != nil {
		return "" // without a tag they are sent each time
	}
	return fmt.Sprintf(`W/"%x"`, sum.Sum(nil)[:8])
}
