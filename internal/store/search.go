package store

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode"

	"github.com/shopspring/decimal"
	"golang.org/x/text/unicode/norm"

	"github.com/orderlyhq/orderly/money"
)

// Summary is what lists show of a record and what it is searched by, known once it is decoded.
type Summary struct {
	Number    string
	Amount    string // a decimal, or "" where there is none
	Currency  string
	OrderedAt time.Time
	Buyer     Buyer
	Words     Words
	Seen      []SeenValue // what maps could speak of: kinds, values and titles

	packed *packedSummary
}

// Buyer is who bought, for lists. It is personal data.
type Buyer struct {
	Name    string `json:"name,omitempty"`
	Email   string `json:"email,omitempty"`
	Company string `json:"company,omitempty"`
	Country string `json:"country,omitempty"` // ISO 3166-1 alpha-2
}

// Words are the texts that a record can be found by, as the source gives them. They are personal data: the database
// has only keyed hashes of them.
type Words struct {
	Emails      []string
	Names       []string // of people and companies; each word of them is found
	SKUs        []string
	Phones      []string
	PostalCodes []string
}

// packedSummary is what the database keeps of a summary.
type packedSummary struct {
	hash     int64  // of all of it
	buyer    []byte // sealed
	terms    []int64
	amountE4 *int64
}

const (
	// maxTerms bounds the rows in terms of one record.
	maxTerms = 96
	// Words of names are found by their first letters, from the first number on up to the second, and as a whole.
	shortestPrefix, longestPrefix = 3, 6
	// phoneDigits is how many digits of a telephone number, from its end, it is found by: what comes before is
	// written in many ways.
	phoneDigits = 7
)

const buyerContext = "buyer"

// PackSummary seals and hashes what must not be readable in the database, outside of any transaction, so that
// FinishTask need not do it inside of its own.
func (s *Store) PackSummary(ctx context.Context, sum *Summary) error {
	mac, err := s.wordMAC(ctx)
	if err != nil {
		return err
	}
	return s.packSummary(mac, sum)
}

func (s *Store) packSummary(mac wordMAC, sum *Summary) error {
	p := &packedSummary{amountE4: amountE4(sum.Amount), terms: sum.Words.terms(mac)}
	if sum.Buyer != (Buyer{}) {
		plain, err := json.Marshal(sum.Buyer)
		if err != nil {
			return fmt.Errorf("summary: %w", err)
		}
		if p.buyer, err = s.sealer.Seal(plain, buyerContext); err != nil {
			return fmt.Errorf("summary: %w", err)
		}
	}
	if len(sum.Seen) > maxSeen {
		sum.Seen = sum.Seen[:maxSeen]
	}
	all, err := json.Marshal(struct {
		Number, Amount, Currency string
		OrderedAt                int64
		Buyer                    Buyer
		Terms                    []int64
		Seen                     []SeenValue
	}{sum.Number, sum.Amount, sum.Currency, millis(sum.OrderedAt), sum.Buyer, p.terms, sum.Seen})
	if err != nil {
		return fmt.Errorf("summary: %w", err)
	}
	if p.hash = mac.sum("summary", string(all)); p.hash == 0 {
		p.hash = 1 // 0 is no summary
	}
	sum.packed = p
	return nil
}

// amountE4 is an amount times 10,000; nil where there is none or where that is no whole number of eight bytes.
func amountE4(amount string) *int64 {
	if amount == "" {
		return nil
	}
	d, err := money.ParseDecimal(amount)
	if err != nil {
		return nil
	}
	return decimalE4(d)
}

func decimalE4(d money.Decimal) *int64 {
	d = d.Shift(4)
	if !d.IsInteger() || !d.BigInt().IsInt64() {
		return nil
	}
	n := d.IntPart()
	return &n
}

func decimalOfE4(n int64) money.Decimal { return decimal.New(n, -4) }

// openBuyer opens what PackSummary has sealed. One that cannot be opened any more is left out: the order is listed
// all the same.
func (s *Store) openBuyer(sealed []byte) (b Buyer) {
	if len(sealed) == 0 {
		return b
	}
	plain, err := s.sealer.Open(sealed, buyerContext)
	if err != nil || json.Unmarshal(plain, &b) != nil {
		return Buyer{}
	}
	return b
}

// wordKey is the key of the hashes in terms: random, made once for a database, and sealed in it.
type wordKey struct {
	mu  sync.Mutex
	key []byte
}

const (
	metaWordKey    = "word_key"
	wordKeyContext = "word key"
)

// wordMAC gives what hashes words. It must not be called inside a transaction.
func (s *Store) wordMAC(ctx context.Context) (wordMAC, error) {
	if key := s.words.get(); key != nil {
		return newWordMAC(key), nil
	}
	var mac wordMAC
	err := s.Write(ctx, func(ctx context.Context, tx Tx) (err error) {
		mac, err = s.wordMACIn(ctx, tx)
		return err
	})
	return mac, err
}

// wordMACIn is wordMAC inside a transaction.
func (s *Store) wordMACIn(ctx context.Context, tx Tx) (wordMAC, error) {
	if key := s.words.get(); key != nil {
		return newWordMAC(key), nil
	}
	key, err := s.loadWordKey(ctx, tx)
	if err != nil {
		return wordMAC{}, fmt.Errorf("the key of the search: %w", err)
	}
	AfterCommit(tx, func() { s.words.put(key) })
	return newWordMAC(key), nil
}

func (k *wordKey) get() []byte {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.key
}

func (k *wordKey) put(key []byte) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.key = key
}

// loadWordKey reads the key, made when there is none. Of several nodes, the first one's stays.
func (s *Store) loadWordKey(ctx context.Context, tx Tx) ([]byte, error) {
	const read = `SELECT value FROM meta WHERE key = $1`
	var kept string
	err := tx.QueryRow(ctx, read, metaWordKey).Scan(&kept)
	if errors.Is(err, ErrNoRows) {
		key := make([]byte, 32)
		_, _ = rand.Read(key) // it never fails
		sealed, err := s.sealer.Seal(key, wordKeyContext)
		if err != nil {
			return nil, err
		}
		if _, err := tx.Exec(ctx, `INSERT INTO meta (key, value) VALUES ($1, $2) ON CONFLICT (key) DO NOTHING`,
			metaWordKey, base64.StdEncoding.EncodeToString(sealed)); err != nil {
			return nil, err
		}
		err = tx.QueryRow(ctx, read, metaWordKey).Scan(&kept)
		if err != nil {
			return nil, err
		}
	} else if err != nil {
		return nil, err
	}
	sealed, err := base64.StdEncoding.DecodeString(kept)
	if err != nil {
		return nil, err
	}
	return s.sealer.Open(sealed, wordKeyContext)
}

// wordMAC hashes words.
type wordMAC struct{ mac hash.Hash }

func newWordMAC(key []byte) wordMAC { return wordMAC{hmac.New(sha256.New, key)} }

func (m wordMAC) sum(parts ...string) int64 {
	m.mac.Reset()
	for i, p := range parts {
		if i > 0 {
			m.mac.Write([]byte{0})
		}
		m.mac.Write([]byte(p))
	}
	var buf [sha256.Size]byte
	return int64(binary.BigEndian.Uint64(m.mac.Sum(buf[:0])))
}

// terms gives the hashes that a record is found by, each once, in order.
func (w Words) terms(mac wordMAC) []int64 {
	seen := map[string]bool{}
	var terms []int64
	add := func(term string) {
		if term != "" && !seen[term] && len(terms) < maxTerms {
			seen[term] = true
			terms = append(terms, mac.sum(term))
		}
	}
	for _, email := range w.Emails {
		add(wholeTerm(email))
	}
	for _, phone := range w.Phones {
		add(phoneTerm(phone))
	}
	for _, code := range w.PostalCodes {
		add(closedTerm(code))
	}
	for _, name := range w.Names {
		for _, word := range nameWords(name) {
			add(word)
			letters := []rune(word)
			for n := shortestPrefix; n <= longestPrefix && n < len(letters); n++ {
				add(string(letters[:n]))
			}
		}
	}
	for _, sku := range w.SKUs {
		add(wholeTerm(sku))
	}
	slices.Sort(terms)
	return slices.Compact(terms)
}

// plainLetters are letters that accents cannot be taken from.
var plainLetters = strings.NewReplacer("ß", "ss", "æ", "ae", "œ", "oe", "ø", "o", "đ", "d", "ð", "d", "ł", "l", "þ", "th", "ı", "i")

// fold brings a text into the form in which it is compared: lower case without accents.
func fold(text string) string {
	text = strings.Map(func(r rune) rune {
		if unicode.Is(unicode.Mn, r) {
			return -1
		}
		return unicode.ToLower(r)
	}, norm.NFD.String(text))
	return plainLetters.Replace(norm.NFC.String(text))
}

// wholeTerm is the term of a text that is found as a whole.
func wholeTerm(text string) string { return strings.Join(strings.Fields(fold(text)), " ") }

// closedTerm is like wholeTerm, for a text that is written with blanks or without.
func closedTerm(text string) string { return strings.Join(strings.Fields(fold(text)), "") }

// phoneTerm is the term of a telephone number; "" when the text is none.
func phoneTerm(text string) string {
	var digits []byte
	for _, r := range text {
		switch {
		case r >= '0' && r <= '9':
			digits = append(digits, byte(r))
		case !strings.ContainsRune("+-()/. \u00a0", r):
			return ""
		}
	}
	if len(digits) < phoneDigits {
		return ""
	}
	return "tel:" + string(digits[len(digits)-phoneDigits:])
}

// nameWords gives the words of a name, folded. A single letter is none.
func nameWords(name string) []string {
	words := strings.FieldsFunc(fold(name), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
	return slices.DeleteFunc(words, func(w string) bool { return len([]rune(w)) < 2 })
}

// saveSummary stores a summary that says something new, with the terms of the record.
func (s *Store) saveSummary(ctx context.Context, tx Tx, w Work, sum *Summary, now time.Time) error {
	if sum.packed == nil {
		mac, err := s.wordMACIn(ctx, tx)
		if err != nil {
			return err
		}
		if err := s.packSummary(mac, sum); err != nil {
			return err
		}
	}
	p := sum.packed
	if p.hash == w.summary {
		return nil
	}
	changed, gone, fresh, err := s.replaceSummary(ctx, tx, w, sum)
	if err != nil || !changed {
		return err // unchanged: another task of the record was first
	}
	for _, hash := range gone {
		if _, err := tx.Exec(ctx, `DELETE FROM terms WHERE hash = $1 AND record_id = $2`, hash, w.RecordID); err != nil {
			return err
		}
	}
	if err := insertTerms(ctx, tx, w.RecordID, fresh); err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, `UPDATE tasks SET amount_e4 = $2, currency = $3 WHERE record_id = $1`, w.RecordID, p.amountE4, sum.Currency); err != nil {
		return err
	}
	return s.countSeen(ctx, tx, w.Connection, sum.Seen, now)
}

// replaceSummary changes the record, if it says something else, and gives the terms that it has no more and those that
// are new.
func (s *Store) replaceSummary(ctx context.Context, tx Tx, w Work, sum *Summary) (changed bool, gone, fresh []int64, err error) {
	p := sum.packed
	replace := func(before int64) (bool, error) {
		n, err := tx.Exec(ctx, `
			UPDATE records SET number = $3, amount = $4, currency = $5, amount_e4 = $6, ordered_at = $7, buyer = $8, terms = $9, summary = $10
			WHERE id = $1 AND summary = $2`,
			w.RecordID, before, sum.Number, sum.Amount, sum.Currency, p.amountE4, millis(sum.OrderedAt), p.buyer, packTerms(p.terms), p.hash)
		return n == 1, err
	}
	if w.summary == 0 {
		if first, err := replace(0); err != nil || first {
			return first, nil, p.terms, err
		}
	}
	lock := ""
	if tx.Dialect() == Postgres {
		lock = " FOR UPDATE"
	}
	var before int64
	var kept []byte
	if err := tx.QueryRow(ctx, `SELECT summary, terms FROM records WHERE id = $1`+lock, w.RecordID).Scan(&before, &kept); err != nil {
		return false, nil, nil, err
	}
	if before == p.hash {
		return false, nil, nil, nil
	}
	if _, err := replace(before); err != nil {
		return false, nil, nil, err
	}
	old := unpackTerms(kept)
	for _, hash := range p.terms {
		if _, had := slices.BinarySearch(old, hash); !had {
			fresh = append(fresh, hash)
		}
	}
	for _, hash := range old {
		if _, has := slices.BinarySearch(p.terms, hash); !has {
			gone = append(gone, hash)
		}
	}
	return true, gone, fresh, nil
}

// insertTerms inserts the terms of a record in one statement. The number of its rows is one of a few, so that the
// statement is prepared once: the last row fills it up.
func insertTerms(ctx context.Context, tx Tx, recordID int64, terms []int64) error {
	if len(terms) == 0 {
		return nil
	}
	size := padded(len(terms))
	args := append(make([]any, 0, size+1), recordID)
	for i := range size {
		args = append(args, terms[min(i, len(terms)-1)])
	}
	_, err := tx.Exec(ctx, insertTermsText(size), args...)
	return err
}

func insertTermsText(size int) string {
	var b strings.Builder
	b.WriteString(`INSERT INTO terms (record_id, hash) VALUES `)
	for i := range size {
		if i > 0 {
			b.WriteString(", ")
		}
		fmt.Fprintf(&b, "($1, $%d)", i+2)
	}
	b.WriteString(` ON CONFLICT DO NOTHING`)
	return b.String()
}

// padded is the next number of rows that a statement of varying length has.
func padded(n int) int {
	size := 4
	for size < n {
		size *= 2
	}
	return size
}

func packTerms(terms []int64) []byte {
	packed := make([]byte, 0, 8*len(terms))
	for _, t := range terms {
		packed = binary.BigEndian.AppendUint64(packed, uint64(t))
	}
	return packed
}

func unpackTerms(packed []byte) []int64 {
	terms := make([]int64, 0, len(packed)/8)
	for ; len(packed) >= 8; packed = packed[8:] {
		terms = append(terms, int64(binary.BigEndian.Uint64(packed)))
	}
	return terms
}
