package dashboard_test

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp/kb"

	"retrain/internal/app"
	"retrain/internal/dashboard"
)

// What a person does with the page, one thing after another, in a real browser: Chromium takes seconds to start.
func TestInABrowser(t *testing.T) {
	b := browser(t)
	url, a := system(t)
	b.size(1280, 900)
	b.open(url + "/")
	b.says("table.models", "price")
	b.says("#link", "live")

	for _, act := range []struct {
		name string
		do   func(b *tab, url string)
	}{
		{"a training moves, and is cancelled", movesAndIsCancelled},
		{"two versions, and one is rolled back", rollsBack},
		{"classes have their confusion", confuses},
		{"an error says the way out", errs},
		{"workers and queues", works},
		{"light and dark", colours},
		{"on a phone", phone},
		{"by keys alone", keys},
		{"asynq's own pages", monitor},
	} {
		ok := t.Run(act.name, func(t *testing.T) {
			now := &tab{T: t, ctx: b.ctx}
			now.size(1280, 900)
			act.do(now, url)
		})
		if !ok {
			t.Logf("the page: %s", b.text("body"))
			break
		}
	}
	b.quiet()

	t.Run("a report", func(t *testing.T) { reports(newTab(t, b.ctx), a) })
	t.Run("who has the key", func(t *testing.T) { unlocks(newTab(t, b.ctx), serve(t, a, "secret")) })
}

func movesAndIsCancelled(b *tab, url string) {
	b.open(url + "/#/models/slow")
	b.press("button", "Train now")
	b.until("a curve is drawn", "document.querySelector('.now .line.c1')?.getAttribute('d')?.includes('L')")
	b.value("window.before = document.querySelector('.now .line.c1').getAttribute('d')")
	b.until("the curve moves", "document.querySelector('.now .line.c1').getAttribute('d') !== window.before")
	b.until("both losses are drawn", "document.querySelectorAll('.now .legend li').length === 2")
	b.says(".now", "left")
	b.says(".title .state", "running")
	b.press("button", "Cancel the run")
	b.press("dialog button", "Cancel the run")
	b.says("table.list .state", "cancelled")
	b.says(".title .state", "untrained")
}

func rollsBack(b *tab, url string) {
	b.open(url + "/#/models/price")
	for _, version := range []string{"1", "2"} {
		b.press("button", "Train now")
		b.says(".title + p", "version "+version+" serves")
		b.says("table.versions tr.champion", version)
		if version == "1" {
			b.until("there is nothing to roll back to", "[...document.querySelectorAll('button')].every((e) => e.innerText !== 'Roll back' || !e.checkVisibility())")
		}
	}
	b.until("what was predicted is drawn beside what was true", "document.querySelectorAll('.portrait circle.point').length >= 40")
	b.until("importance is drawn", "document.querySelectorAll('.bars rect.fill').length > 0")
	b.press("button", "Roll back")
	b.press("dialog button", "Leave it")
	b.says(".title + p", "version 2 serves")
	b.press("button", "Roll back")
	b.press("dialog button", "Roll back")
	b.says(".title + p", "version 1 serves")
	b.says(".history .current", "rolled back")
	b.says("h2#looked", "Version 1")
	b.press("table.versions button", "Promote")
	b.press("dialog button", "Promote")
	b.says(".title + p", "version 2 serves")
}

func confuses(b *tab, url string) {
	b.open(url + "/#/models/size")
	b.press("button", "Train now")
	b.says("table.confusion", "recall")
	b.until("the matrix has all held-out rows", "[...document.querySelectorAll('table.confusion td:not(.recall)')].reduce((sum, e) => sum + Number(e.innerText), 0) === 40")
}

func errs(b *tab, url string) {
	b.open(url + "/#/models/broken")
	b.press("button", "Train now")
	b.says(".error", "no record has the field nowhere")
	b.says(".error .hint", "producer records products")
	b.press("nav a", "Errors 1")
	b.says(".error", "broken")
}

func works(b *tab, url string) {
	b.open(url + "/#/system")
	b.says("table.list", "trains")
	b.says("table.list", "CPU")
	b.says("table.list", "train-default")
}

func colours(b *tab, url string) {
	b.open(url + "/")
	dark := "matchMedia('(prefers-color-scheme: dark)').matches"
	ground := "getComputedStyle(document.body).backgroundColor"
	b.colours("dark")
	b.until("it is dark", dark+" && "+ground+" === 'rgb(15, 19, 24)'")
	b.value("document.getElementById('theme').click()")
	b.until("it is light because a person says so", ground+" === 'rgb(244, 246, 249)'")
	b.value("document.getElementById('theme').click()")
	b.value("document.getElementById('theme').click()")
	b.until("it is as the system has it again", ground+" === 'rgb(15, 19, 24)'")
	b.colours("light")
	b.until("it is light", ground+" === 'rgb(244, 246, 249)'")
}

func phone(b *tab, url string) {
	b.size(390, 844)
	for _, view := range []struct{ path, selector, says string }{
		{"/", "table.models", "price"}, {"/#/models/price", ".portrait", "Losses"}, {"/#/system", "table.list", "trains"}, {"/#/errors", ".error", "broken"},
	} {
		b.open(url + view.path)
		b.says(view.selector, view.says)
		b.until(view.path+" is not wider than the screen", "document.documentElement.scrollWidth <= innerWidth")
	}
}

func keys(b *tab, url string) {
	b.open(url + "/")
	b.says("table.models", "slow")
	b.tabTo("document.activeElement.type === 'search'")
	b.keys("pric")
	b.until("one model is left", "document.querySelectorAll('table.models tbody tr').length === 1")
	b.tabTo("document.activeElement.innerText === 'price'")
	b.until("it shows that it has the focus", "getComputedStyle(document.activeElement).outlineStyle !== 'none'")
	b.keys(kb.Enter)
	b.says("h1", "price")
	b.until("one can roll back", "[...document.querySelectorAll('button')].some((e) => e.innerText === 'Roll back' && e.checkVisibility())")
	b.tabTo("document.activeElement.innerText === 'Roll back'")
	b.keys(kb.Enter)
	b.until("it asks", "document.getElementById('ask').open")
	b.keys(kb.Escape)
	b.until("it asks no more", "!document.getElementById('ask').open")
	if got := b.text(".title + p"); !strings.Contains(got, "version 2 serves") {
		b.Errorf("after Escape: %q", got)
	}
}

func monitor(b *tab, url string) {
	b.open(url + "/monitor/")
	b.says("#root", "train-default")
}

// A report needs nothing but itself.
func reports(b *tab, a *app.App) {
	p, err := a.Portrait(b.Context(), "price", 1)
	if err != nil {
		b.Fatal(err)
	}
	versions, err := a.ListVersions(b.Context(), "price")
	if err != nil {
		b.Fatal(err)
	}
	file, err := os.Create(filepath.Join(b.TempDir(), "price.html"))
	if err != nil {
		b.Fatal(err)
	}
	if err := errors.Join((&dashboard.Report{At: time.Now(), Portrait: p, Versions: versions}).Write(file), file.Close()); err != nil {
		b.Fatal(err)
	}
	b.open("file://" + file.Name())
	b.says("h1", "price, version 1")
	b.until("pairs are drawn", "document.querySelectorAll('circle.point').length >= 40")
	b.says("table.list", "serves")
	b.quiet()
}

func unlocks(b *tab, url string) {
	b.open(url + "/")
	for i, key := range []string{"guess", "secret"} {
		b.until("it asks for the key", "document.getElementById('key').open")
		b.keys(key + kb.Enter)
		b.until("it takes key "+strconv.Itoa(i), "sessionStorage.getItem('retrain-key') === '"+key+"'")
	}
	b.says("table.models", "price")
	b.says("#link", "live")
}
