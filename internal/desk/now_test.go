package desk

import (
	"testing"
	"time"

	"github.com/orderlyhq/orderly/internal/store"
)

func TestChartBeginsAtTheFirstOrderOfAll(t *testing.T) {
	hour := func(seen map[int]int) []store.Minute {
		minutes := make([]store.Minute, chartMinutes)
		for i := range minutes {
			minutes[i] = store.Minute{At: time.Unix(int64(i)*60, 0), Seen: seen[i]}
		}
		return minutes
	}
	for _, c := range []struct {
		name  string
		seen  map[int]int
		all   int64
		first int // minute
	}{
		{"nothing has come yet", nil, 0, chartMinutes - fewestMinutes},
		{"the first came now", map[int]int{59: 3}, 3, chartMinutes - fewestMinutes},
		{"the first came half an hour ago", map[int]int{30: 1, 59: 3}, 4, 29},
		{"the first came an hour ago", map[int]int{0: 1}, 1, 0},
		{"others came before", map[int]int{59: 3}, 4, 0},
		{"a quiet hour", nil, 9, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := sinceFirst(hour(c.seen), c.all)
			if begin := int(got[0].At.Unix() / 60); begin != c.first || len(got) != chartMinutes-begin {
				t.Errorf("the chart has %d minutes from %d on, want from %d", len(got), begin, c.first)
			}
		})
	}
}

func TestADayAgreesWhenNothingOfItIsMissing(t *testing.T) {
	settled := store.Day{Changed: 12, Seen: 10, States: store.Counts{store.TaskSynced: 9, store.TaskSkipped: 1}}
	waiting := store.Day{Changed: 12, Seen: 10, States: store.Counts{store.TaskSynced: 9, store.TaskWaiting: 1}}
	for _, c := range []struct {
		name    string
		today   Today
		missing int
		agrees  bool
	}{
		{"the source has changed as many", Today{Day: settled, AtSource: 12}, 0, true},
		{"the source has changed one more", Today{Day: settled, AtSource: 13}, 1, false},
		{"the source cannot tell", Today{Day: settled, AtSource: -1}, 0, true},
		{"one is on its way", Today{Day: waiting, AtSource: 12}, 0, false},
	} {
		if c.today.Missing() != c.missing || c.today.Agrees() != c.agrees {
			t.Errorf("%s: %d are missing, agrees %v; want %d and %v", c.name, c.today.Missing(), c.today.Agrees(), c.missing, c.agrees)
		}
	}
}
