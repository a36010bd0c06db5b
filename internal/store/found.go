package store

import (
	"context"
	"math"
	"slices"
	"strings"
	"unicode"

	"github.com/orderlyhq/orderly/money"
)

// search is a text that people look for, taken apart.
type search struct {
	whole searchWord
	words []searchWord // when there are several, or when one has several names in it
}

// searchWord is a part of the text between blanks, or all of it.
type searchWord struct {
	text    string
	amounts []int64   // times 10,000
	terms   []int64   // any of them
	names   []wordSum // all of them
}

// wordSum is a word of a name: as a whole, and by its first letters when nobody has it as a whole.
type wordSum struct{ whole, prefix int64 }

// maxWords bounds the words of a search.
const maxWords = 8

// parseSearch takes a text apart; nil when there is nothing to look for.
func (s *Store) parseSearch(ctx context.Context, text string) (*search, error) {
	// What PostgreSQL takes as no text is in no record.
	text = strings.ReplaceAll(strings.ToValidUTF8(text, "\uFFFD"), "\x00", "\uFFFD")
	parts := strings.Fields(text)
	if len(parts) == 0 {
		return nil, nil
	}
	mac, err := s.wordMAC(ctx)
	if err != nil {
		return nil, err
	}
	out := &search{whole: newSearchWord(mac, strings.Join(parts, " "))}
	if closed := closedTerm(text); len(parts) > 1 {
		out.whole.terms = append(out.whole.terms, mac.sum(closed))
		out.whole.names = nil // they are looked for in the words
		for _, part := range parts[:min(len(parts), maxWords)] {
			out.words = append(out.words, newSearchWord(mac, part))
		}
	}
	return out, nil
}

func newSearchWord(mac wordMAC, text string) searchWord {
	w := searchWord{text: text, amounts: parseAmounts(text), terms: []int64{mac.sum(wholeTerm(text))}}
	if phone := phoneTerm(text); phone != "" {
		w.terms = append(w.terms, mac.sum(phone))
	}
	if strings.ContainsRune(text, '@') {
		return w
	}
	for _, name := range nameWords(text) {
		sum := wordSum{whole: mac.sum(name)}
		if letters := []rune(name); len(letters) > longestPrefix {
			sum.prefix = mac.sum(string(letters[:longestPrefix]))
		}
		w.names = append(w.names, sum)
	}
	return w
}

// parseAmounts reads an amount as people write it, times 10,000: 12.50, 12,50, 1.234,50 or € 1,234. A number without a
// separator is taken for an amount only with the sign of a currency. 1,234 may mean two amounts.
func parseAmounts(text string) []int64 {
	plain := strings.TrimFunc(text, func(r rune) bool { return unicode.Is(unicode.Sc, r) || unicode.IsSpace(r) })
	signed := plain != strings.TrimSpace(text)
	digits := strings.TrimPrefix(plain, "-")
	if digits == "" || strings.Trim(digits, "0123456789.,") != "" || digits[0] == '.' || digits[0] == ',' {
		return nil
	}
	last := strings.LastIndexAny(plain, ".,")
	if last < 0 && !signed {
		return nil
	}
	var amounts []int64
	add := func(number string) {
		d, err := money.ParseDecimal(number)
		if err != nil {
			return
		}
		if e4 := decimalE4(d); e4 != nil && !slices.Contains(amounts, *e4) {
			amounts = append(amounts, *e4)
		}
	}
	separators := strings.NewReplacer(".", "", ",", "")
	if last >= 0 && strings.Count(plain, plain[last:last+1]) == 1 {
		add(separators.Replace(plain[:last]) + "." + plain[last+1:])
	}
	if last < 0 || len(plain)-last-1 == 3 {
		add(separators.Replace(plain))
	}
	return amounts
}

// finder finds records, those with the highest id first.
type finder interface {
	// next gives the records with an id below one, about n of them.
	next(ctx context.Context, tx Tx, below int64, n int) (some, error)
	// among gives those of the records that it would find.
	among(ctx context.Context, tx Tx, records []int64) ([]int64, error)
	// size is about how many it finds, up to a bound.
	size() int
}

// some is a part of what a finder finds.
type some struct {
	records []int64 // descending
	last    int64   // the lowest id that was looked at
	end     bool    // there is nothing below last
	read    int
}

// sizeBound is up to where finders are measured.
const sizeBound = 1000

// indexFinder finds the records that an index has under a value.
type indexFinder struct {
	value int64
	// nextText takes the value, an id and a limit; amongText the value, and a list of ids at its end.
	nextText, amongText string
	found               int
}

const (
	nextTerm    = `SELECT record_id FROM terms WHERE hash = $1 AND record_id < $2 ORDER BY record_id DESC LIMIT $3`
	amongTerm   = `SELECT record_id FROM terms WHERE hash = $1 AND record_id IN `
	nextAmount  = `SELECT id FROM records WHERE amount_e4 IS NOT NULL AND amount_e4 = $1 AND id < $2 ORDER BY id DESC LIMIT $3`
	amongAmount = `SELECT id FROM records WHERE amount_e4 = $1 AND id IN `
)

func newIndexFinder(ctx context.Context, tx Tx, value int64, nextText, amongText string) (*indexFinder, error) {
	f := &indexFinder{value: value, nextText: nextText, amongText: amongText}
	err := tx.QueryRow(ctx, `SELECT COUNT(*) FROM (`+nextText+`) AS counted`, value, int64(math.MaxInt64), sizeBound).Scan(&f.found)
	return f, err
}

func (f *indexFinder) next(ctx context.Context, tx Tx, below int64, n int) (some, error) {
	ids, err := collect(ctx, tx, scanValue[int64], f.nextText, f.value, below, n)
	out := some{records: ids, end: len(ids) < n, read: len(ids)}
	if len(ids) > 0 {
		out.last = ids[len(ids)-1]
	}
	return out, err
}

func (f *indexFinder) among(ctx context.Context, tx Tx, records []int64) ([]int64, error) {
	if len(records) == 0 || f.found == 0 {
		return nil, nil
	}
	ids, args := idList(records, 2)
	return collect(ctx, tx, scanValue[int64], f.amongText+`(`+ids+`)`, append([]any{f.value}, args...)...)
}

func (f *indexFinder) size() int { return f.found }

// namedFinder finds the records that have a text as their id or number, or that of their document.
type namedFinder struct{ records []int64 } // descending

// maxNamed bounds how many records one id or number finds in each place.
const maxNamed = 200

func newNamedFinder(ctx context.Context, tx Tx, text string) (*namedFinder, error) {
	f := &namedFinder{}
	other := "#" + text // as some shops write numbers
	if cut, ok := strings.CutPrefix(text, "#"); ok {
		other = cut
	}
	for _, query := range namedQueries {
		ids, err := collect(ctx, tx, scanValue[int64], query, text, other, maxNamed)
		if err != nil {
			return nil, err
		}
		f.records = append(f.records, ids...)
	}
	f.records = descending(f.records)
	return f, nil
}

var namedQueries = []string{
	`SELECT r.id FROM (SELECT DISTINCT connection, kind FROM streams) AS s CROSS JOIN records r
		WHERE r.connection = s.connection AND r.kind = s.kind AND r.source_id IN ($1, $2) LIMIT $3`,
	`SELECT id FROM records WHERE number IN ($1, $2) AND number <> '' LIMIT $3`,
	`SELECT record_id FROM links WHERE number IN ($1, $2) AND number <> '' LIMIT $3`,
	`SELECT record_id FROM links WHERE document_id IN ($1, $2) LIMIT $3`,
}

// descending gives each id once, the highest first.
func descending(ids []int64) []int64 {
	slices.Sort(ids)
	ids = slices.Compact(ids)
	slices.Reverse(ids)
	return ids
}

func (f *namedFinder) next(_ context.Context, _ Tx, below int64, n int) (some, error) {
	from := slices.IndexFunc(f.records, func(id int64) bool { return id < below })
	if from < 0 {
		return some{end: true}, nil
	}
	to := min(from+n, len(f.records))
	return some{records: f.records[from:to], last: f.records[to-1], end: to == len(f.records)}, nil
}

func (f *namedFinder) among(_ context.Context, _ Tx, records []int64) ([]int64, error) {
	var found []int64
	for _, id := range records {
		if slices.Contains(f.records, id) {
			found = append(found, id)
		}
	}
	return found, nil
}

func (f *namedFinder) size() int { return len(f.records) }

// anyFinder finds what one of several finds.
type anyFinder []finder

func (f anyFinder) next(ctx context.Context, tx Tx, below int64, n int) (some, error) {
	out := some{end: true}
	for _, one := range f {
		s, err := one.next(ctx, tx, below, n)
		if err != nil {
			return some{}, err
		}
		out.records = append(out.records, s.records...)
		out.read += s.read
		if !s.end {
			// It may find more below its last one, so the others' finds below that must wait.
			out.last, out.end = max(out.last, s.last), false
		}
	}
	out.records = slices.DeleteFunc(descending(out.records), func(id int64) bool { return id < out.last })
	return out, nil
}

func (f anyFinder) among(ctx context.Context, tx Tx, records []int64) ([]int64, error) {
	var found []int64
	for _, one := range f {
		some, err := one.among(ctx, tx, records)
		if err != nil {
			return nil, err
		}
		found = append(found, some...)
	}
	return descending(found), nil
}

func (f anyFinder) size() int {
	n := 0
	for _, one := range f {
		n += one.size()
	}
	return n
}

// allFinder finds what each of several finds: it goes through what the rarest one finds.
type allFinder []finder

// newAllFinder orders the finders, the rarest first.
func newAllFinder(finders []finder) allFinder {
	slices.SortStableFunc(finders, func(a, b finder) int { return a.size() - b.size() })
	return finders
}

func (f allFinder) next(ctx context.Context, tx Tx, below int64, n int) (some, error) {
	out, err := f[0].next(ctx, tx, below, max(n, scanChunk))
	for _, one := range f[1:] {
		if err != nil {
			return some{}, err
		}
		out.records, err = one.among(ctx, tx, out.records)
	}
	out.records = descending(out.records)
	return out, err
}

func (f allFinder) among(ctx context.Context, tx Tx, records []int64) ([]int64, error) {
	var err error
	for _, one := range f {
		if records, err = one.among(ctx, tx, records); err != nil {
			return nil, err
		}
	}
	return records, nil
}

func (f allFinder) size() int { return f[0].size() }

// finder makes what finds the records that the search looks for.
func (s *search) finder(ctx context.Context, tx Tx) (finder, error) {
	whole, err := s.whole.finder(ctx, tx)
	if err != nil || len(s.words) == 0 {
		return whole, err
	}
	var each []finder
	for _, w := range s.words {
		one, err := w.finder(ctx, tx)
		if err != nil {
			return nil, err
		}
		each = append(each, one)
	}
	return anyFinder{whole, newAllFinder(each)}, nil
}

func (w searchWord) finder(ctx context.Context, tx Tx) (finder, error) {
	named, err := newNamedFinder(ctx, tx, w.text)
	if err != nil {
		return nil, err
	}
	all := anyFinder{named}
	add := func(f *indexFinder, e error) {
		if err = e; err == nil && f.found > 0 {
			all = append(all, f)
		}
	}
	for _, amount := range w.amounts {
		if add(newIndexFinder(ctx, tx, amount, nextAmount, amongAmount)); err != nil {
			return nil, err
		}
	}
	for _, term := range w.terms {
		if add(newIndexFinder(ctx, tx, term, nextTerm, amongTerm)); err != nil {
			return nil, err
		}
	}
	if len(w.names) == 1 && len(w.terms) == 1 && w.names[0].whole == w.terms[0] && len(all) > 1 {
		return all, nil // that is the term
	}
	var names []finder
	for _, sum := range w.names {
		f, err := newIndexFinder(ctx, tx, sum.whole, nextTerm, amongTerm)
		if err == nil && f.found == 0 && sum.prefix != 0 {
			f, err = newIndexFinder(ctx, tx, sum.prefix, nextTerm, amongTerm)
		}
		if err != nil {
			return nil, err
		}
		names = append(names, f)
	}
	if len(names) > 0 {
		all = append(all, newAllFinder(names))
	}
	return all, nil
}

// searchWalk walks along the tasks of the records that a search finds.
type searchWalk struct {
	finder finder
	rest   conditions // that the tasks meet
}

func newSearchWalk(ctx context.Context, tx Tx, s *search) (*searchWalk, error) {
	f, err := s.finder(ctx, tx)
	return &searchWalk{finder: f}, err
}

func (w *searchWalk) next(ctx context.Context, tx Tx, after place, n int) (step, error) {
	if !w.rest.empty() {
		n = max(n, scanChunk) // few of them may match
	}
	n = min(n, 2*scanChunk)
	below := after.at
	if below < math.MaxInt64 {
		// The record may have more tasks, so it is found again; one more than that leads on.
		below, n = below+1, n+1
	}
	found, err := w.finder.next(ctx, tx, below, n)
	if err != nil {
		return step{}, err
	}
	st := step{last: place{at: found.last}, end: found.end, read: found.read}
	if st.places, err = tasksWith(ctx, tx, "record_id", "record_id", found.records, w.rest); err != nil {
		return step{}, err
	}
	slices.SortFunc(st.places, modeSearch.compare)
	st.places = slices.DeleteFunc(st.places, func(p place) bool { return modeSearch.compare(p, after) <= 0 })
	return st, nil
}
