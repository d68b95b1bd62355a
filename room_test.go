package retrain_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"retrain"
)

// A refused version says why, where everybody looks, and is tried again when its files change.
func TestLiveRefusesUntilTheFilesChange(t *testing.T) {
	play(t, func(t *testing.T, s *stage) {
		s.publish("price", 1, true)
		synctest.Wait()
		s.set(func() { s.broken[2] = true })
		s.publish("price", 2, true)
		time.Sleep(2 * time.Minute) // of virtual time
		refused := s.Refused()
		if got := s.answer(t); got != 1 || len(refused) != 1 || refused[0].Version != 2 || !strings.Contains(refused[0].Reason, "digest differs") {
			t.Errorf("version %d answers, refused %+v, want 1, and 2 refused", got, refused)
		}
		synctest.Wait()
		if len(s.told) != 1 || s.told[0].Type != retrain.Quarantined || s.told[0].Version != 2 {
			t.Errorf("told %+v, want one event of version 2", s.told)
		}
		if _, err := s.Use(t.Context(), "price", retrain.Which{Version: 2}); !errors.Is(err, retrain.UnavailableError) {
			t.Errorf("asked for it by its number: %v", err)
		}
		s.set(func() { s.broken[2] = false })
		time.Sleep(2 * time.Minute)
		if got := s.answer(t); got != 1 {
			t.Errorf("version %d answers, though nothing says that it was mended", got)
		}
		s.set(func() { s.stamps[2] = "mended" })
		time.Sleep(time.Minute)
		if got := s.answer(t); got != 2 || len(s.Refused()) != 0 {
			t.Errorf("version %d answers, refused %v, want 2 and none", got, s.Refused())
		}
	})
}

// A worker that starts on a broken champion answers with the version before, and is not ready.
func TestLiveStartsOnABrokenChampion(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t)
		s.broken[2] = true
		s.publish("price", 1, false)
		s.publish("price", 2, false)
		end := s.start(t)
		time.Sleep(time.Minute)
		if got := s.answer(t); got != 1 || s.Ready() {
			t.Errorf("version %d answers, ready %v, want 1 and not ready", got, s.Ready())
		}
		end()
	})
}

// Back to the version before, there is nothing to load.
func TestLiveRollsBackWithoutLoading(t *testing.T) {
	play(t, func(t *testing.T, s *stage) {
		for version := 1; version <= 3; version++ {
			s.publish("price", version, true)
			synctest.Wait()
		}
		if got, want := s.Loaded("price"), []int{2, 3}; !slices.Equal(got, want) {
			t.Errorf("loaded %v, want %v", got, want)
		}
		s.set(func() { s.down = true })
		s.publish("price", 2, true)
		synctest.Wait()
		if got := s.answer(t); got != 2 {
			t.Errorf("version %d answers, want 2", got)
		}
	})
}

func TestWhichVersion(t *testing.T) {
	play(t, func(t *testing.T, s *stage) {
		for version := 1; version <= 4; version++ {
			s.publish("price", version, true)
			synctest.Wait()
		}
		for _, test := range []struct {
			which retrain.Which
			want  int
			err   error
		}{
			{retrain.Which{}, 4, nil},
			{retrain.Which{Label: "champion"}, 4, nil},
			{retrain.Which{Label: "previous"}, 3, nil},
			{retrain.Which{Label: "oldest"}, 1, nil},
			{retrain.Which{Version: 2}, 2, nil},
			{retrain.Which{Label: "nobody"}, 0, retrain.NotFoundError},
			{retrain.Which{Version: 99}, 0, retrain.NotFoundError},
		} {
			u, err := s.Use(t.Context(), "price", test.which)
			if test.err != nil {
				if !errors.Is(err, test.err) {
					t.Errorf("%+v: got %v, want %v", test.which, err, test.err)
				}
				continue
			}
			if err != nil {
				t.Errorf("%+v: %v", test.which, err)
				continue
			}
			if u.Version() != test.want {
				t.Errorf("%+v: got version %d, want %d", test.which, u.Version(), test.want)
			}
			u.Done()
		}
	})
}

// What was asked for by number does not stay for ever.
func TestLiveKeepsFewSpareVersions(t *testing.T) {
	play(t, func(t *testing.T, s *stage) {
		s.publish("price", 20, true)
		synctest.Wait()
		for version := 1; version <= 10; version++ {
			u, err := s.Use(t.Context(), "price", retrain.Which{Version: version})
			if err != nil {
				t.Fatal(err)
			}
			u.Done()
			time.Sleep(time.Second)
		}
		if got, want := s.Loaded("price"), []int{7, 8, 9, 10, 20}; !slices.Equal(got, want) {
			t.Errorf("loaded %v, want %v", got, want)
		}
	})
}

// With room for three versions, five models answer nevertheless, those asked last from what is loaded.
func TestLiveWithinItsMemory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t)
		s.Memory = 350
		s.names = []string{"a", "b", "c", "d", "e"}
		for _, model := range s.names {
			s.publish(model, 1, false)
		}
		end := s.start(t)
		time.Sleep(2 * time.Second)
		if !s.Ready() || len(s.loaded) > 3 {
			t.Errorf("ready %v with %d loaded, want ready with 3 at most", s.Ready(), len(s.loaded))
		}
		for range 3 {
			for _, model := range s.names {
				if _, version, err := s.Predict(t.Context(), model, []retrain.Record{{}}); err != nil || version != 1 {
					t.Errorf("%s: version %d, %v", model, version, err)
				}
				time.Sleep(time.Second)
			}
		}
		if got, want := s.Serving(), []string{"c", "d", "e"}; !slices.Equal(got, want) {
			t.Errorf("loaded are %v, want %v", got, want)
		}
		end()
	})
}
