"""The column names that other programs export, by language: a role, then its words. Data only.

Sources: Outlook, Outlook.com, Google Contacts, Thunderbird, phones and web mail. Words are lower case, in NFKC,
separated by " | "; numbers in them ("E-mail 2 Address") are left out. NAME_OR_GIVEN and NAME_OR_FAMILY are words that
mean the whole name in one program and half of it in another. UNUSED lists known columns that do not identify the
person. Two people of one company share a switchboard or fax, so the second would become a duplicate of the first.
"""

from __future__ import annotations

NAME_OR_GIVEN, NAME_OR_FAMILY, UNUSED = "name|given_name", "name|family_name", ""

WORDS: dict[str, dict[str, str]] = {
    "ours": {
        "name": "contact",
        "handle": "handle | hundred handle | x-hundred-handle",
        "staff_no": "staff_no | staff no | staff number",
        "employee_email": "employee_email | employee email | employee e-mail",
        "recorded_at": "recorded_at | recorded at",
        "confirmed_at": "confirmed_at | confirmed at",
        "ended_at": "ended_at | ended at",
        UNUSED: "line | code | reason | source",
    },
    "en": {
        NAME_OR_FAMILY: "name",
        "name": "full name | display name | contact name | formatted name | name (full)",
        "given_name": "first name | given name | firstname | first | forename",
        "middle_name": "middle name | additional name | middle | middlename",
        "family_name": "last name | family name | surname | lastname | last",
        "nickname": "nickname | nick name | alias",
        "organization": "organization name | organization - name | organization | organisation | company"
        " | company name",
        "phone": "phone | phone number | phone - value | telephone | telephone number | tel | tel. | mobile"
        " | mobile phone | mobile number | mobile telephone | cell | cell phone | cellphone"
        " | cellular | home phone | home telephone | work phone | work telephone | business phone"
        " | business telephone | office phone | primary phone | main phone | other phone"
        " | other telephone | car phone | radio phone | callback | tty/tdd phone | isdn | iphone"
        " | phone (home) | phone (work) | phone (mobile) | home mobile | work mobile | phone home"
        " | phone work | phone mobile | phone main | phone other | phone car | phone video",
        "email": "email | e-mail | mail | email address | e-mail address | e-mail - value | email - value"
        " | primary email | primary e-mail | secondary email | secondary e-mail | additional email"
        " | home email | home e-mail | work email | work e-mail | personal email | business email"
        " | other email | email (home) | email (work) | email home | email work | email other",
        UNUSED: "assistant's phone | assistant phone | assistant's name | manager's name | manager's phone"
        " | spouse | spouse's phone | company main phone | fax | fax number | business fax"
        " | home fax | other fax | work fax | workfax | homefax | otherfax | phone workfax | phone homefax"
        " | phone pager | primary fax | pager | pager number | telex | title | suffix"
        " | prefix | name prefix | name suffix | job title | department | birthday | anniversary"
        " | notes | note | categories | gender | priority | sensitivity | web page | website"
        " | screen name | file as | e-mail type | e-mail display name | e-mail - type"
        " | e-mail - label | phone - type | phone - label | labels | group membership"
        " | home address | business address | other address",
    },
    "pt": {
        NAME_OR_GIVEN: "nome",
        "name": "nome completo | mostrar nome | nome de exibição | nome para exibição",
        "given_name": "primeiro nome | nome próprio",
        "middle_name": "nome do meio | segundo nome",
        "family_name": "último nome | sobrenome",
        "nickname": "apelido",
        "organization": "empresa | organização",
        "phone": "telefone | fone | celular | telemóvel | fone comercial | fone de casa | fone do carro"
        " | outro fone | fone primario | fone primário | fone de trabalho | celular pessoal"
        " | celular de trabalho | telefone comercial | telefone residencial | telefone celular"
        " | telefone principal | outro telefone | telefone do carro | telefone de casa"
        " | telefone do trabalho | whatsapp",
        "email": "endereço de e-mail | endereço de email | e-mail primário | e-mail secundário"
        " | correio eletrônico",
        UNUSED: "fone do assistente | telefone do assistente | nome do assistente | nome do gerente"
        " | fax comercial | fax de casa | outro fax | número de fax | número do pager"
        " | fone principal da empresa | sufixo | título | departamento | cargo | notas"
        " | informações | aniversário | data de nascimento | categorias | gênero",
    },
    "de": {
        "name": "vollständiger name | anzeigename | kontakt",
        "given_name": "vorname",
        "middle_name": "weitere vornamen | zweiter vorname",
        "family_name": "nachname | familienname | zuname",
        "nickname": "spitzname",
        "organization": "firma | organisation | unternehmen",
        "phone": "telefon | telefonnummer | rufnummer | handy | handynummer | mobil | mobiltelefon"
        " | mobilnummer | mobilfunk | telefon geschäftlich | telefon (geschäftlich)"
        " | telefon privat | telefon (privat) | haupttelefon | autotelefon | weiteres telefon"
        " | telefon dienstlich | dienstlich | privat | rückmeldung | mobiltelefon (geschäftlich)",
        "email": "e-mail-adresse | e-mail: adresse | e-mailadresse | emailadresse | primäre e-mail-adresse"
        " | sekundäre e-mail-adresse | zweite e-mail-adresse | weitere e-mail-adresse"
        " | e-mail (privat) | e-mail (dienstlich)",
        UNUSED: "telefon assistent | name assistent | name des/der vorgesetzten | telefon firma"
        " | fax geschäftlich | fax privat | faxnummer | weiteres fax | anrede | abteilung"
        " | position | geburtstag | notizen | kategorien | partner",
    },
    "fr": {
        NAME_OR_FAMILY: "nom",
        "name": "nom complet | nom à afficher | nom affiché",
        "given_name": "prénom",
        "middle_name": "deuxième prénom",
        "family_name": "nom de famille",
        "nickname": "surnom | pseudonyme",
        "organization": "société | organisation | entreprise",
        "phone": "téléphone | numéro de téléphone | portable | téléphone portable | tél. mobile"
        " | téléphone mobile | téléphone (bureau) | téléphone (domicile) | téléphone (autre)"
        " | téléphone bureau | téléphone domicile | téléphone principal | tél. professionnel"
        " | tél. domicile | tél. personnel | tél. portable | tél | tél. | téléphone (voiture)"
        " | téléphone professionnel | rappel",
        "email": "adresse de messagerie | adresse e-mail | adresse électronique | courriel"
        " | adresse courriel | première adresse électronique | adresse électronique secondaire"
        " | adresse électronique principale",
        UNUSED: "téléphone de l'assistant(e) | téléphone société | télécopie (bureau)"
        " | télécopie (domicile) | télécopie (autre) | télécopie | fax professionnel | bipeur"
        " | récepteur de radiomessagerie | titre | suffixe | service | notes | anniversaire",
    },
    "es": {
        NAME_OR_GIVEN: "nombre",
        "name": "nombre completo | nombre para mostrar | nombre y apellidos",
        "middle_name": "segundo nombre",
        "family_name": "apellidos | apellido | primer apellido",
        "nickname": "apodo | sobrenombre",
        "organization": "organización | empresa | compañía",
        "phone": "teléfono | número de teléfono | móvil | celular | teléfono móvil | teléfono celular"
        " | teléfono del trabajo | teléfono del domicilio | teléfono principal | otro teléfono"
        " | particular | trabajo | teléfono de casa | teléfono particular | teléfono de la oficina"
        " | número de móvil | teléfono del automóvil | devolución de llamada",
        "email": "correo electrónico | dirección de correo electrónico | correo | dirección de correo"
        " | correo principal | correo secundario | correo electrónico principal"
        " | correo electrónico secundario",
        UNUSED: "teléfono del ayudante | teléfono del asistente | número central de la organización"
        " | fax del trabajo | fax del domicilio | otro fax | número de fax | localizador"
        " | buscapersonas | tratamiento | puesto | sufijo | notas",
    },
    "it": {
        NAME_OR_GIVEN: "nome",
        "name": "nome completo | nome visualizzato | nome e cognome",
        "middle_name": "secondo nome",
        "family_name": "cognome",
        "nickname": "soprannome",
        "organization": "società | azienda | organizzazione",
        "phone": "telefono | numero di telefono | cellulare | telefono cellulare | telefono (uff.)"
        " | telefono (ab.) | telefono ufficio | telefono abitazione | telefono casa"
        " | telefono principale | altro telefono | tel. lavoro | telefono auto | abitazione (tel.)"
        " | ufficio (tel.) | telefono di lavoro | richiamata",
        "email": "indirizzo e-mail | indirizzo di posta elettronica | posta elettronica"
        " | indirizzo posta elettronica | indirizzo email | email primaria | email secondaria"
        " | email principale",
        UNUSED: "telefono assistente | telefono principale società | fax (uff.) | fax (ab.) | fax ufficio"
        " | fax abitazione | altro fax | cercapersone | titolo | suffisso | reparto | note"
        " | posizione",
    },
    "nl": {
        NAME_OR_FAMILY: "naam",
        "name": "volledige naam | weergavenaam",
        "given_name": "voornaam",
        "middle_name": "middelste naam | tweede voornaam",
        "family_name": "achternaam | familienaam",
        "nickname": "bijnaam",
        "organization": "bedrijf | organisatie",
        "phone": "telefoon | telefoonnummer | mobiel | mobiele telefoon | mobiel nummer | gsm"
        " | telefoon op werk | telefoon thuis | telefoon werk | hoofdtelefoon | andere telefoon"
        " | autotelefoon | telefoonnummer werk | telefoonnummer thuis | terugbellen"
        " | telefoon (werk) | telefoon (thuis)",
        "email": "e-mailadres | emailadres | primair e-mailadres | secundair e-mailadres | extra e-mailadres",
        UNUSED: "telefoon assistent | hoofdtelefoon bedrijf | fax op werk | fax thuis | andere fax"
        " | faxnummer | semafoon | titel | achtervoegsel | afdeling | functie | notities"
        " | verjaardag",
    },
    "zh-hans": {
        NAME_OR_GIVEN: "名字",
        "name": "姓名 | 名称 | 全名 | 显示名称 | 联系人 | 联系人姓名 | 客户姓名",
        "given_name": "名",
        "middle_name": "中间名",
        "family_name": "姓 | 姓氏",
        "nickname": "昵称 | 别名",
        "organization": "公司 | 单位 | 公司名称 | 工作单位 | 组织",
        "phone": "手机 | 电话 | 手机号 | 手机号码 | 电话号码 | 移动电话 | 商务电话 | 住宅电话 | 家庭电话"
        " | 办公电话 | 工作电话 | 公司电话 | 单位电话 | 主要电话 | 其他电话 | 其它电话 | 联系电话"
        " | 联系方式 | 固定电话 | 固话 | 座机 | 宅电 | 车载电话 | 回电话 | 常用电话 | 无线电话"
        " | 住宅 | 家庭手机 | 工作手机 | 家庭座机 | 工作座机 | 联系手机",
        "email": "邮箱 | 电子邮件 | 电子邮件地址 | 邮件 | 邮件地址 | 电子邮箱 | 邮箱地址 | 电邮 | 常用邮箱"
        " | 主要电子邮件 | 次要电子邮件 | 其他邮箱 | 备用邮箱 | 个人邮箱 | 工作邮箱 | 电子邮箱地址"
        " | 首选电子邮件 | 次选电子邮件",
        "handle": "账号名 | 账号 | 帐号 | 帐号名",
        "staff_no": "工号 | 员工编号 | 员工号",
        UNUSED: "助理的电话 | 助理电话 | 单位主要电话 | 公司主要电话 | 经理姓名 | 助理姓名 | 配偶"
        " | 商务传真 | 住宅传真 | 其他传真 | 传真 | 传真号码 | 公司传真 | 家庭传真 | 寻呼机"
        " | 传呼机 | 电报 | 称谓 | 后缀 | 部门 | 职务 | 职位 | 备注 | 附注 | 类别 | 分组 | 性别"
        " | 生日 | 邮编 | 地址 | 家庭地址 | 公司地址 | 电子邮件类型 | 电子邮件显示名称 | 网页 | qq"
        " | 微信",
    },
    "zh-hant": {
        NAME_OR_GIVEN: "名字",
        "name": "姓名 | 全名 | 顯示名稱 | 聯絡人 | 名稱",
        "given_name": "名",
        "middle_name": "中間名",
        "family_name": "姓 | 姓氏",
        "nickname": "暱稱 | 別名",
        "organization": "公司 | 公司名稱 | 組織 | 單位",
        "phone": "手機 | 電話 | 手機號碼 | 電話號碼 | 行動電話 | 商務電話 | 住家電話 | 住宅電話 | 公司電話"
        " | 主要電話 | 其他電話 | 工作電話 | 辦公電話 | 聯絡電話 | 汽車電話 | 回撥電話 | 流動電話"
        " | 市內電話 | 無線電電話 | 代表電話",
        "email": "電子郵件 | 電子郵件地址 | 電子郵件信箱 | 信箱 | 郵箱 | 電郵 | 電郵地址 | 電子郵件位址"
        " | 主要電子郵件 | 次要電子郵件 | 其他電子郵件 | 電子信箱 | 主要 email | 次要 email",
        "handle": "帳號 | 帳號名稱",
        "staff_no": "工號 | 員工編號",
        UNUSED: "助理的電話 | 助理電話 | 公司代表線 | 公司總機 | 商務傳真 | 住家傳真 | 其他傳真 | 傳真"
        " | 傳真號碼 | 呼叫器 | 呼叫器號碼 | 稱謂 | 頭銜 | 部門 | 職稱 | 備註 | 附註 | 類別 | 性別 | 生日 | 地址",
    },
    "ja": {
        NAME_OR_GIVEN: "名前",
        "name": "氏名 | お名前 | 表示名 | フルネーム",
        "given_name": "名",
        "middle_name": "ミドル ネーム | ミドルネーム",
        "family_name": "姓 | 苗字",
        "nickname": "ニックネーム",
        "organization": "会社名 | 会社 | 勤務先 | 組織",
        "phone": "電話 | 電話番号 | 携帯電話 | 携帯 | 携帯番号 | 携帯電話番号 | 会社電話 | 自宅電話"
        " | 自宅電話番号 | 会社電話番号 | 通常の電話 | その他の電話 | 自動車電話 | 勤務先電話番号"
        " | 勤務先の電話 | 自宅の電話 | コールバック | 無線電話 | 連絡先電話番号",
        "email": "電子メール | 電子メール アドレス | メール | メールアドレス | eメール | eメールアドレス"
        " | e-メール | 電子メールアドレス | メインのメールアドレス | 別のメールアドレス"
        " | 第一メールアドレス | その他のメールアドレス",
        UNUSED: "秘書の電話 | 秘書の氏名 | 会社代表電話 | 会社 fax | 自宅 fax | その他の fax | fax 番号"
        " | ファックス | ポケットベル | テレックス | 敬称 | 肩書き | 役職 | 部署 | 誕生日 | メモ"
        " | 分類 | 性別 | 住所",
    },
    "ru": {
        NAME_OR_GIVEN: "имя",
        "name": "фио | ф.и.о. | полное имя | отображаемое имя | контакт",
        "middle_name": "отчество",
        "family_name": "фамилия",
        "nickname": "псевдоним | никнейм | ник",
        "organization": "организация | компания",
        "phone": "телефон | номер телефона | мобильный | мобильный телефон | сотовый | сотовый телефон"
        " | рабочий телефон | домашний телефон | основной телефон | другой телефон | телефон раб."
        " | телефон дом. | телефон переносной | моб. телефон | телефон в машине | обратный вызов"
        " | номер мобильного | номер сотового телефона | тел.",
        "email": "адрес эл. почты | электронная почта | эл. почта | адрес электронной почты | почта"
        " | адрес e-mail | основной адрес электронной почты"
        " | дополнительный адрес электронной почты | альтернативный адрес электронной почты",
        UNUSED: "телефон помощника | телефон секретаря | основной телефон организации | рабочий факс"
        " | домашний факс | факс | другой факс | номер факса | пейджер | номер пейджера | телекс | обращение"
        " | суффикс | отдел | должность | заметки | день рождения",
    },
    "pl": {
        NAME_OR_GIVEN: "imię",
        "name": "imię i nazwisko | pełna nazwa | nazwa wyświetlana | wyświetlana nazwa | nazwa",
        "middle_name": "drugie imię",
        "family_name": "nazwisko",
        "nickname": "pseudonim",
        "organization": "firma | organizacja",
        "phone": "telefon | numer telefonu | komórka | telefon komórkowy | telefon służbowy | telefon domowy"
        " | telefon podstawowy | inny telefon | telefon (praca) | telefon (dom) | telefon główny"
        " | tel. komórkowy | numer komórkowy | wywołanie zwrotne | telefon w samochodzie",
        "email": "adres e-mail | adres email | adres poczty e-mail | poczta elektroniczna"
        " | podstawowy adres e-mail | dodatkowy adres e-mail | poczta",
        UNUSED: "telefon asystenta | główny telefon do firmy | faks służbowy | faks domowy | inny faks"
        " | faks | numer faksu | numer pagera | teleks | tytuł | sufiks | dział | stanowisko"
        " | notatki | urodziny",
    },
    "fi": {
        "name": "nimi | koko nimi | näyttönimi | näytettävä nimi",
        "given_name": "etunimi",
        "middle_name": "toinen nimi",
        "family_name": "sukunimi",
        "nickname": "lempinimi | kutsumanimi",
        "organization": "yritys | järjestö | organisaatio",
        "phone": "puhelin | puhelinnumero | matkapuhelin | matkapuhelinnumero | kännykkä | työpuhelin | kotipuhelin"
        " | autopuhelin | ensisijainen puhelin | muu puhelin | radiopuhelin | takaisinsoitto",
        "email": "sähköposti | sähköpostiosoite | ensisijainen sähköposti | toissijainen sähköposti"
        " | ensisijainen sähköpostiosoite | toissijainen sähköpostiosoite | työsähköposti | kotisähköposti",
        UNUSED: "faksi | faksin numero | faksinumero | työfaksi | kotifaksi | muu faksi | hakulaite"
        " | hakulaitteen numero | teleksi | avustajan puhelin | avustajan nimi | ammattinimi | osasto"
        " | muistiinpanot | syntymäpäivä | kotiosoite | työosoite",
    },
    "sk": {
        NAME_OR_GIVEN: "meno",
        "name": "celé meno | meno a priezvisko | zobrazované meno",
        "given_name": "krstné meno",
        "middle_name": "ďalšie meno | stredné meno",
        "family_name": "priezvisko",
        "nickname": "prezývka",
        "organization": "spoločnosť | organizácia | firma",
        "phone": "telefón | telefónne číslo | mobil | mobilný telefón | číslo mobilného telefónu"
        " | telefón do práce | telefón do zamestnania | telefón domov | primárny telefón | hlavný telefón"
        " | iný telefón | autotelefón | telefón v aute | spätné volanie",
        "email": "e-mailová adresa | emailová adresa | ďalšia e-mailová adresa | primárny e-mail | sekundárny e-mail",
        UNUSED: "fax do práce | fax domov | iný fax | faxové číslo | číslo faxu | operátor | číslo pagera | telex"
        " | telefón asistenta | meno asistenta | meno manažéra | hlavný telefón spoločnosti | titul | prípona"
        " | funkcia | oddelenie | poznámky | kategórie | narodeniny | pohlavie",
    },
}  # fmt: skip
