package fake

import (
	"fmt"
	"slices"
	"strings"

	"github.com/orderlyhq/orderly/commerce"
)

// person is who buys.
type person struct {
	given, family, company, taxID string
	email, phone, country         string
	address                       commerce.Address
}

// place is somewhere to live.
type place struct {
	country, locality, postal, region, street, phone string
}

type name struct{ given, family string }

var names = []name{
	{"Anna", "Müller"}, {"Jürgen", "Groß"}, {"Zoë", "van der Meer"}, {"Seán", "O'Connor"}, {"Łukasz", "Żółć"},
	{"François", "L’Héritier"}, {"José María", "Núñez y Peña"}, {"Анна", "Кузнецова"}, {"Олександр", "Шевченко"},
	{"Γιώργος", "Παπαδόπουλος"}, {"小明", "王"}, {"美咲", "佐藤"}, {"민준", "김"}, {"محمد", "العتيبي"}, {"נועה", "כהן"},
	{"İpek", "Yıldız"}, {"Ngọc", "Nguyễn"}, {"Bob", "Smith"}, {"Mary-Jane", "Watson"}, {"Robert'); DROP TABLE orders;--", "Tables"},
	{"😀 Emoji", "Käufer 🛒"}, {"Zo\u0065\u0308", "Combine\u0301"}, {"Björk", "Guðmundsdóttir"}, {"Ada", "Lovelace"}, {"", "Mononym"},
	{"Hubert Blaine Wolfeschlegelsteinhausenbergerdorff", "Zeus Adolph Charles David Earl Frederick Gerald"},
}

var places = []place{
	{"DE", "Berlin", "10115", "BE", "Invalidenstraße 116", "+49 30 901820"},
	{"DE", "München", "80331", "BY", "Sendlinger Str. 8", "+49 89 2330096500"},
	{"DE", "Köln", "50667", "NW", "Hohe Straße 41a, Hinterhaus", "+49 221 2210"},
	{"DE", "Görlitz", "02826", "SN", "Untermarkt 1", "03581 670"},
	{"AT", "Wien", "1010", "", "Kärntner Straße 22/4/17", "+43 1 4000"},
	{"CH", "Zürich", "8001", "ZH", "Bahnhofstrasse 45", "+41 44 412 11 11"},
	{"FR", "Saint-Étienne", "42000", "", "12 bis, rue de la République", "+33 4 77 48 77 48"},
	{"NL", "'s-Hertogenbosch", "5211 AX", "", "Markt 77", "+31 73 615 5155"},
	{"IT", "Milano", "20121", "MI", "Via Brera, 28", "+39 02 0202"},
	{"PL", "Łódź", "90-001", "", "ul. Piotrkowska 104", "+48 42 638 44 44"},
	{"GB", "London", "SW1A 1AA", "", "221b Baker Street", "+44 20 7946 0958"},
	{"IE", "Dublin", "D02 AF30", "", "1 Merrion Square", "+353 1 222 2222"},
	{"GR", "Αθήνα", "105 57", "", "Λεωφόρος Αμαλίας 2", "+30 21 0333 3333"},
	{"US", "Springfield", "62704", "IL", "742 Evergreen Terrace", "+1 217 555 0123"},
	{"US", "New York", "10001", "NY", "350 5th Ave, Apt #4B", "(212) 555-0199"},
	{"CA", "Montréal", "H2Y 1C6", "QC", "275, rue Notre-Dame E", "+1 514 872 0311"},
	{"JP", "東京都千代田区", "100-0001", "13", "千代田1-1", "+81 3 3213 1111"},
	{"CN", "北京市", "100006", "BJ", "东长安街1号", "+86 10 6512 3456"},
	{"KW", "مدينة الكويت", "13001", "KU", "شارع الخليج العربي", "+965 2242 0000"},
	{"UA", "Київ", "01001", "", "вул. Хрещатик, 36", "+380 44 202 7914"},
	{"TR", "İstanbul", "34110", "34", "Sultanahmet Cd. No:1", "+90 212 522 1750"},
	{"BR", "São Paulo", "01310-100", "SP", "Av. Paulista, 1578", "+55 11 3251 5644"},
}

var companies = []string{
	"Teehaus am Markt GmbH & Co. KG", "Café Zürich AG", "Smith & Sons Ltd", "ООО «Чайный дом»", "株式会社お茶の間",
	"S.A.S. L'Atelier du Thé", `"Quoted" Trading <Inc.>`, "Ünïcode Ö.Ü. 🍵",
}

var notes = []string{
	"Please leave it with the neighbour.", "Bitte nicht klingeln, Baby schläft 👶", "Второй этаж, код 12#34",
	"Line one\nLine two\twith a tab", `He said: "it's a gift" & don't add the bill <please>`,
	strings.Repeat("A very long note. ", 40),
}

// placesIn gives the places in some countries; all of them when none is there.
func placesIn(countries []string) []place {
	here := slices.DeleteFunc(slices.Clone(places), func(p place) bool { return !slices.Contains(countries, p.country) })
	if len(here) == 0 {
		return places
	}
	return here
}

// home gives the places in the country of the first, where the shop is and most buyers are.
func (g *Generator) home() []place {
	return slices.DeleteFunc(slices.Clone(g.places), func(p place) bool { return p.country != g.places[0].country })
}

// vary gives a telephone number of its own with another's form: only who is the same person has the
// same.
func (g *Generator) vary(phone string) string {
	number := []byte(phone)
	left := 6
	for i := len(number) - 1; i >= 0 && left > 0; i-- {
		if number[i] >= '0' && number[i] <= '9' {
			number[i] = byte('0' + g.random.IntN(10))
			left--
		}
	}
	return string(number)
}

// person makes somebody; those with an account have an e-mail address of their own for ever.
func (g *Generator) person(accountNumber int) person {
	who := pick(g, names)
	where := pick(g, g.places)
	if g.chance(450) {
		where = pick(g, g.home())
	}
	p := person{given: who.given, family: who.family, country: where.country, phone: g.vary(where.phone)}
	if g.chance(300) {
		p.phone = ""
	}
	switch {
	case accountNumber >= 0:
		p.email = fmt.Sprintf("customer%d.%x@example.com", accountNumber, g.options.Seed)
	case !g.chance(25): // a few tell none
		p.email = fmt.Sprintf("guest+%08x@mail.example.org", g.random.Uint32())
	}
	if g.chance(180) {
		p.company = pick(g, companies)
		if slices.Contains(union, where.country) && g.chance(700) {
			p.taxID = fmt.Sprintf("%s%09d", where.country, g.random.IntN(1_000_000_000))
		}
	}
	p.address = commerce.Address{
		Name: strings.TrimSpace(p.given + " " + p.family), GivenName: p.given, FamilyName: p.family, Company: p.company,
		StreetAddress: where.street, AddressLocality: where.locality, AddressRegion: where.region,
		PostalCode: where.postal, AddressCountry: where.country, Phone: p.phone,
	}
	if g.chance(150) {
		p.address.ExtendedAddress = pick(g, []string{"c/o Schmidt", "3. Stock links", "Apt 12", "кв. 7"})
	}
	return p
}

func (p person) customer() commerce.Customer {
	c := commerce.Customer{
		Type: commerce.Person, DisplayName: strings.TrimSpace(p.given + " " + p.family),
		GivenName: p.given, FamilyName: p.family, Emails: []string{}, Phones: []string{},
		Status: commerce.CustomerActive,
	}
	if p.company != "" {
		c.Type, c.CompanyName = commerce.Company, p.company
	}
	if p.email != "" {
		c.Emails = []string{p.email}
	}
	if p.phone != "" {
		c.Phones = []string{p.phone}
	}
	if p.taxID != "" {
		c.TaxIDs = []commerce.TaxID{{Scheme: "vat", Value: p.taxID, Country: p.country}}
	}
	billing := p.address
	billing.Use, billing.Default = commerce.UseBilling, true
	c.Addresses = []commerce.Address{billing}
	return c
}

// addresses gives the order its addresses: mostly one for both, sometimes another to ship to, and
// for what is not sent often none at all.
func (g *Generator) addresses(order *commerce.Order, who person, digital bool) {
	if digital && g.chance(600) {
		order.Buyer.Addresses = nil
		return
	}
	bill := who.address
	bill.Use, bill.Email = commerce.UseBilling, who.email
	order.BillTo = &bill
	if digital {
		return
	}
	ship := who.address
	if g.chance(220) {
		ship = g.person(-1).address
		ship.AddressCountry, ship.PostalCode, ship.AddressLocality, ship.AddressRegion = bill.AddressCountry, bill.PostalCode, bill.AddressLocality, bill.AddressRegion
		ship.StreetAddress = fmt.Sprintf("%d Packstation", 1+g.random.IntN(300))
	}
	ship.Use = commerce.UseShipping
	order.ShipTo = &ship
}
