"""Words that people, places and companies of the sample are made of.

All lists are short and curated for this project; every combination is fictional.
"""

from __future__ import annotations

# A given name, then the forms that colleagues and web forms use for it.
FEMALE_NAMES: tuple[tuple[str, ...], ...] = tuple(
    tuple(entry.split(","))
    for entry in (
        "Mary,Molly Patricia,Patty,Trish Jennifer,Jenny,Jen Linda,Lindy Elizabeth,Liz,Beth,Betty "
        "Barbara,Barb Susan,Sue,Susie Jessica,Jess Karen Sarah,Sally Lisa Nancy Sandra,Sandy "
        "Ashley,Ash Kimberly,Kim Emily,Em Donna Michelle,Shelly Carol,Carrie Amanda,Mandy "
        "Melissa,Missy Deborah,Debbie,Deb Stephanie,Steph Rebecca,Becky,Becca Laura,Laurie "
        "Sharon,Shari Cynthia,Cindy Dorothy,Dot,Dottie Amy Kathleen,Kathy,Kate Angela,Angie "
        "Shirley Emma Brenda Pamela,Pam Nicole,Nicky Anna,Annie Samantha,Sam Katherine,Kate,Katie "
        "Christine,Chris,Christy Debra,Deb Rachel,Rach Carolyn,Carrie Janet,Jan Maria Olivia,Liv "
        "Heather Helen,Nell Catherine,Cathy,Cat Diane,Di Julie,Jules Victoria,Vicky,Tori Joyce "
        "Lauren Kelly Christina,Tina Ruth,Ruthie Joan,Joanie Virginia,Ginny Judith,Judy "
        "Evelyn,Evie Hannah Andrea,Andie Megan,Meg Cheryl,Cherie Jacqueline,Jackie Madison,Maddie "
        "Teresa,Terry,Tess Abigail,Abby Sophia,Sophie Martha,Marty Sara Gloria Janice,Jan "
        "Kathryn,Kathy Ann,Annie Isabella,Bella,Izzy Judy Charlotte,Lottie Julia,Jules Grace "
        "Alice,Allie Jean,Jeannie Amber Beverly,Bev Danielle,Dani Marilyn Theresa,Tess Natalie,Nat "
        "Diana,Di Brittany,Britt Priya Yesenia,Yesi Lakshmi Mei Fatima Aaliyah,Liyah Guadalupe,Lupe "
        "Ingrid Svetlana,Lana Noor Hyejin Thuy Rosa,Rosie Camille,Cami Valentina,Val Xiomara"
    ).split()
)
MALE_NAMES: tuple[tuple[str, ...], ...] = tuple(
    tuple(entry.split(","))
    for entry in (
        "James,Jim,Jimmy Robert,Rob,Bob John,Jack,Johnny Michael,Mike,Mick David,Dave "
        "William,Will,Bill Richard,Rick,Dick Joseph,Joe Thomas,Tom Christopher,Chris "
        "Charles,Charlie,Chuck Daniel,Dan,Danny Matthew,Matt Anthony,Tony Mark Donald,Don "
        "Steven,Steve Andrew,Andy,Drew Paul Joshua,Josh Kenneth,Ken,Kenny Kevin,Kev Brian Timothy,Tim "
        "Ronald,Ron George Jason,Jay Edward,Ed,Eddie Jeffrey,Jeff Ryan Jacob,Jake Gary "
        "Nicholas,Nick Eric,Rick Jonathan,Jon Stephen,Steve Larry Justin Scott Brandon,Bran "
        "Benjamin,Ben Samuel,Sam Gregory,Greg Alexander,Alex Patrick,Pat Frank,Frankie "
        "Raymond,Ray Jack Dennis,Denny Jerry Tyler,Ty Aaron Jose,Pepe Adam Nathan,Nate "
        "Henry,Hank,Harry Zachary,Zach Douglas,Doug Peter,Pete Kyle Noah Ethan Jeremy "
        "Walter,Walt Christian,Chris Keith Roger,Rog Terry Austin Sean Gerald,Jerry Carl "
        "Harold,Hal Dylan Arthur,Art Lawrence,Larry Jordan Jesse,Jess Bryan Billy Bruce Gabriel,Gabe "
        "Joe Logan Alan,Al Juan Albert,Al,Bert Willie Elijah,Eli Wayne Randy Vincent,Vince Mason "
        "Roy Ralph Bobby Russell,Russ Bradley,Brad Philip,Phil Eugene,Gene Omar Wei Hiroshi "
        "Arjun Rajesh,Raj Mohammed,Mo Ahmed Kwame Luis Carlos Diego Mateo,Teo Santiago,Santi "
        "Dmitri,Dima Lars Jaap Pierre Giovanni,Gio Emeka Tariq Minh Jin"
    ).split()
)
SURNAMES: tuple[str, ...] = tuple(
    (
        "Smith Johnson Williams Brown Jones Garcia Miller Davis Rodriguez Martinez Hernandez Lopez "
        "Gonzalez Wilson Anderson Thomas Taylor Moore Jackson Martin Lee Perez Thompson White Harris "
        "Sanchez Clark Ramirez Lewis Robinson Walker Young Allen King Wright Scott Torres Nguyen Hill "
        "Flores Green Adams Nelson Baker Hall Rivera Campbell Mitchell Carter Roberts Gomez Phillips "
        "Evans Turner Diaz Parker Cruz Edwards Collins Reyes Stewart Morris Morales Murphy Cook Rogers "
        "Gutierrez Ortiz Morgan Cooper Peterson Bailey Reed Kelly Howard Ramos Kim Cox Ward Richardson "
        "Watson Brooks Chavez Wood James Bennett Gray Mendoza Ruiz Hughes Price Alvarez Castillo "
        "Sanders Patel Myers Long Ross Foster Jimenez Powell Jenkins Perry Russell Sullivan Bell "
        "Coleman Butler Henderson Barnes Gonzales Fisher Vasquez Simmons Romero Jordan Patterson "
        "Alexander Hamilton Graham Reynolds Griffin Wallace Moreno West Cole Hayes Bryant Herrera "
        "Gibson Ellis Tran Medina Aguilar Stevens Murray Ford Castro Marshall Owens Harrison Fernandez "
        "McDonald Woods Washington Kennedy Wells Vargas Henry Chen Freeman Webb Tucker Guzman Burns "
        "Crawford Olson Simpson Porter Hunter Gordon Mendez Silva Shaw Snyder Mason Dixon Munoz Hunt "
        "Hicks Holmes Palmer Wagner Black Robertson Boyd Rose Stone Salazar Fox Warren Mills Meyer "
        "Rice Schmidt Garza Daniels Ferguson Nichols Stephens Soto Weaver Ryan Gardner Payne Grant Dunn "
        "Kelley Spencer Hawkins Arnold Pierce Hansen Peters Santos Hart Bradley Knight Elliott "
        "Cunningham Duncan Armstrong Hudson Carroll Lane Riley Andrews Alvarado Ray Delgado Berry "
        "Perkins Hoffman Johnston Matthews Pena Richards Contreras Willis Carpenter Lawrence Sandoval "
        "Guerrero George Chapman Rios Estrada Ortega Watkins Greene Nunez Wheeler Valdez Harper Burke "
        "Larson Santiago Maldonado Morrison Franklin Carlson Austin Dominguez Carr Lawson Jacobs Obrien "
        "Lynch Singh Vega Bishop Montgomery Oliver Jensen Harvey Williamson Gilbert Dean Sims Espinoza "
        "Howell Li Wong Reid Hanson Le McCoy Garrett Burton Fuller Wang Weber Welch Rojas Lucas Marquez "
        "Fields Park Yang Little Banks Padilla Day Walsh Bowman Schultz Luna Fowler Mejia Davidson "
        "Acosta Brewer May Holland Juarez Newman Pearson Curtis Cortez Douglas Schneider Joseph Barrett "
        "Navarro Figueroa Keller Avila Wade Molina Stanley Hopkins Campos Barnett Bates Chambers Caldwell "
        "Beck Lambert Miranda Byrd Craig Ayala Lowe Frazier Powers Neal Leonard Gregory Carrillo Sutton "
        "Okafor Haddad Lindqvist Novak Petrov Yamamoto Kowalski Rossi Dubois Nakamura Banerjee Osei "
        "Candelaria Vandenberg Thorne Ashworth Pemberton Whitlock Lockwood Merrill Hollis Draper"
    ).split()
)
# City, state, first three digits of its postal codes, time zone, main area code.
CITIES: tuple[tuple[str, str, str, str, str], ...] = (
    ("Houston", "TX", "770", "America/Chicago", "713"),
    ("Dallas", "TX", "752", "America/Chicago", "214"),
    ("Austin", "TX", "787", "America/Chicago", "512"),
    ("New York", "NY", "100", "America/New_York", "212"),
    ("Buffalo", "NY", "142", "America/New_York", "716"),
    ("Nashville", "TN", "372", "America/Chicago", "615"),
    ("Memphis", "TN", "381", "America/Chicago", "901"),
    ("Hartford", "CT", "061", "America/New_York", "860"),
    ("Sacramento", "CA", "958", "America/Los_Angeles", "916"),
    ("San Diego", "CA", "921", "America/Los_Angeles", "619"),
    ("Boise", "ID", "837", "America/Boise", "208"),
    ("Richmond", "VA", "232", "America/New_York", "804"),
    ("Boston", "MA", "021", "America/New_York", "617"),
    ("Worcester", "MA", "016", "America/New_York", "508"),
    ("Seattle", "WA", "981", "America/Los_Angeles", "206"),
    ("Spokane", "WA", "992", "America/Los_Angeles", "509"),
    ("Atlanta", "GA", "303", "America/New_York", "404"),
    ("Milwaukee", "WI", "532", "America/Chicago", "414"),
    ("Charlotte", "NC", "282", "America/New_York", "704"),
    ("Raleigh", "NC", "276", "America/New_York", "919"),
    ("Providence", "RI", "029", "America/New_York", "401"),
    ("Chicago", "IL", "606", "America/Chicago", "312"),
    ("Tulsa", "OK", "741", "America/Chicago", "918"),
    ("Pittsburgh", "PA", "152", "America/New_York", "412"),
    ("Denver", "CO", "802", "America/Denver", "303"),
    ("Portland", "OR", "972", "America/Los_Angeles", "503"),
    ("Des Moines", "IA", "503", "America/Chicago", "515"),
    ("Tampa", "FL", "336", "America/New_York", "813"),
    ("Phoenix", "AZ", "850", "America/Phoenix", "602"),
    ("Columbus", "OH", "432", "America/New_York", "614"),
    ("Omaha", "NE", "681", "America/Chicago", "402"),
    ("Detroit", "MI", "482", "America/Detroit", "313"),
    ("Indianapolis", "IN", "462", "America/Indiana/Indianapolis", "317"),
    ("Minneapolis", "MN", "554", "America/Chicago", "612"),
    ("Burlington", "VT", "054", "America/New_York", "802"),
    ("Baltimore", "MD", "212", "America/New_York", "410"),
    ("Salt Lake City", "UT", "841", "America/Denver", "801"),
    ("Albuquerque", "NM", "871", "America/Denver", "505"),
)
# Numbers move with people, so a mobile phone may have any of these area codes.
AREA_CODES: tuple[str, ...] = tuple(
    (
        "201 202 203 205 206 207 208 209 210 212 213 214 215 216 217 218 219 224 225 228 229 231 234 "
        "239 240 248 251 252 253 254 256 260 262 267 269 270 276 281 301 302 303 304 305 307 308 309 "
        "310 312 313 314 315 316 317 318 319 320 321 323 325 330 334 336 337 339 347 351 352 360 361 "
        "386 401 402 404 405 406 407 408 409 410 412 413 414 415 417 419 423 425 430 432 434 435 440 "
        "443 469 478 479 480 501 502 503 504 505 507 508 509 510 512 513 515 516 517 518 520 530 540 "
        "541 551 559 561 562 563 567 570 571 573 574 580 585 586 601 602 603 605 606 607 608 609 610 "
        "612 614 615 616 617 618 619 620 623 626 630 631 636 641 646 650 651 660 661 662 678 682 701 "
        "702 703 704 706 707 708 712 713 714 715 716 717 718 719 720 724 727 731 732 734 740 757 760 "
        "763 765 770 772 773 774 775 781 785 786 801 802 803 804 805 806 808 810 812 813 814 815 816 "
        "817 818 828 830 831 832 843 845 847 848 850 856 857 858 859 860 862 863 864 865 870 901 903 "
        "904 906 907 908 909 910 912 913 914 915 916 917 918 919 920 925 928 931 936 937 940 941 947 "
        "949 951 952 954 956 970 971 972 973 978 979 980 985 989"
    ).split()
)
STREETS: tuple[str, ...] = tuple(
    (
        "Maple Oak Cedar Pine Elm Walnut Chestnut Juniper Willow Birch Park Lake Hill River Spring "
        "Church Mill Ridge Meadow Forest Orchard Sunset Highland Valley Prospect Franklin Jefferson "
        "Lincoln Madison Monroe Grant Harrison Cleveland Delaware Hudson Amber Della Lanvale Steele "
        "Bowen Deedham Fairweather Gregory Jessamine Kestrel Larkspur Mariner Nightingale Osprey "
        "Pheasant Quail Raven Sparrow Thornbury Upland Verbena Wisteria Yarrow Almond Bramble Copper"
    ).split()
)
STREET_KINDS: tuple[tuple[str, str], ...] = (
    ("St", "Street"), ("Ave", "Avenue"), ("Rd", "Road"), ("Dr", "Drive"),
    ("Ln", "Lane"), ("Ct", "Court"), ("Blvd", "Boulevard"), ("Trl", "Trail"),
)  # fmt: skip
MAILBOX_PROVIDERS: tuple[str, ...] = (
    "gmail.com", "outlook.com", "yahoo.com", "icloud.com", "hotmail.com", "proton.me",
    "cascadenet.example", "bluerivermail.example",
)  # fmt: skip
COMPANY_FIRST: tuple[str, ...] = tuple(
    (
        "Amber Alder Anchor Ash Autumn Beacon Birch Blue Boulder Brass Bright Brook Canyon Cedar Clear "
        "Cobalt Copper Coral Crest Crimson Crystal Dawn Delta Drift Dune East Echo Elm Ember Ever Fable "
        "Falcon Fern Flint Frost Garnet Glen Gold Granite Gray Harbor Haven Hawk Hazel Heron High "
        "Hollow Indigo Iron Ivory Jade Juniper Keystone Lake Lark Laurel Light Lily Long Lunar Maple "
        "Marble Mead Mill Mist Moss North Oak Ocean Olive Onyx Opal Orchard Osprey Pearl Pebble Pine "
        "Pioneer Prairie Quarry Quartz Rain Raven Red Ridge River Rock Rose Sage Sand Sapphire Shore "
        "Silver Sky Slate Snow South Spring Spruce Star Stone Storm Summit Sun Swift Tamarack Thorn "
        "Thunder Timber Topaz Trail Vale Velvet Violet Wander West Willow Wind Winter Wolf Wren Yarrow"
    ).split()
)
COMPANY_SECOND: tuple[str, ...] = tuple(
    (
        "bank bay bend berg bluff bridge brook cliff cove crest cross dale dell edge fall ferry field "
        "ford forge fork gate glen grove hall harbor haven heath helm hill hollow hurst isle key knoll "
        "lake land lane leaf ledge light line lock lodge mark marsh mead mere mill mont moor mount mouth "
        "park pass path peak pine point pond pool port reach ridge rise road rock run shade shore side "
        "slope spire spring square stead stone strand stream summit terrace tide top tower town trace "
        "trail vale valley view village walk wall ward watch water way well wharf wick wind wing wood works"
    ).split()
)
# Industry, then the words that its companies carry in their names.
INDUSTRIES: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("Software", ("Systems", "Software", "Labs")),
    ("Manufacturing", ("Fabrication", "Manufacturing", "Tools")),
    ("Healthcare", ("Health", "Clinics", "Medical Group")),
    ("Financial Services", ("Credit Union", "Capital", "Insurance")),
    ("Retail", ("Stores", "Market", "Outfitters")),
    ("Education", ("Academy", "Learning", "District")),
    ("Professional Services", ("Associates", "Advisors", "Partners")),
    ("Media", ("Media", "Publishing", "Studios")),
    ("Logistics", ("Freight", "Transport", "Logistics")),
    ("Hospitality", ("Hotels", "Restaurants", "Resorts")),
)
LEGAL_FORMS: tuple[str, ...] = ("", "", "", " Inc", " LLC", " Co.")
TECH_TAGS: tuple[str, ...] = (
    "analytics", "crm", "erp", "ga4", "hubspot", "loyalty", "payments", "salesforce", "slack",
    "snowflake", "warehouse", "zendesk",
)  # fmt: skip
JOB_TITLES: tuple[tuple[str, ...], ...] = (
    ("Software Engineer", "Data Engineer", "Solutions Architect", "Security Analyst", "IT Manager"),
    ("Content Strategist", "Marketing Manager", "Growth Lead", "SEO Specialist", "Brand Manager"),
    ("Chief Executive Officer", "VP Sales", "Founder", "Chief Revenue Officer", "General Manager"),
    ("Data Analyst", "Product Analyst", "Product Manager", "Research Lead", "BI Developer"),
    ("Customer Success Manager", "Controller", "Operations Manager", "Office Manager", "Service Coordinator"),
)  # fmt: skip
ROLE_MAILBOXES: tuple[str, ...] = ("info", "office", "sales", "admin", "hello")
JUNK_EMAILS: tuple[str, ...] = ("test@test.com", "none@none.com", "noemail@example.com", "null")
JUNK_PHONES: tuple[str, ...] = ("000-000-0000", "123-456-7890", "null", "555-555-5555")
CONTACT_OWNERS: tuple[str, ...] = (
    "Maya Ortiz", "Priya Nair", "Tom Vale", "Jon Becker", "(unassigned)"
)  # fmt: skip
