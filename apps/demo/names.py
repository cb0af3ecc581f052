"""The words of the demo's names, addresses and phone numbers, and the draws from them."""

from __future__ import annotations

import unicodedata
from random import Random


def _spelled(text: str) -> list[tuple[str, str]]:
    """Words of the form characters:pinyin, as pairs."""
    return [(characters, pinyin) for characters, _, pinyin in (word.partition(":") for word in text.split())]


def _plain(text: str) -> list[tuple[str, str]]:
    """Western names, each with its lower-case letters without accents. All of them are a base letter with an accent."""
    return [
        (word, unicodedata.normalize("NFKD", word).encode("ascii", "ignore").decode().lower()) for word in text.split()
    ]


# Family names and given names, the most common first: a draw prefers the front.
CHINESE = (
    _spelled("""
        王:wang 李:li 张:zhang 刘:liu 陈:chen 杨:yang 黄:huang 赵:zhao 吴:wu 周:zhou 徐:xu 孙:sun 马:ma 朱:zhu 胡:hu
        郭:guo 何:he 林:lin 高:gao 罗:luo 郑:zheng 梁:liang 谢:xie 宋:song 唐:tang 许:xu 韩:han 冯:feng 邓:deng 曹:cao
        彭:peng 曾:zeng 肖:xiao 田:tian 董:dong 潘:pan 袁:yuan 蔡:cai 蒋:jiang 余:yu 杜:du 叶:ye 程:cheng 魏:wei
        苏:su 吕:lv 丁:ding 任:ren 卢:lu 姚:yao 沈:shen 钟:zhong 崔:cui 谭:tan 陆:lu 范:fan 欧阳:ouyang 司马:sima
    """),
    _spelled("""
        伟:wei 芳:fang 娜:na 敏:min 静:jing 丽:li 强:qiang 磊:lei 军:jun 洋:yang 勇:yong 艳:yan 杰:jie 娟:juan 涛:tao
        明:ming 超:chao 霞:xia 平:ping 刚:gang 建国:jianguo 晓明:xiaoming 小红:xiaohong 志强:zhiqiang 秀英:xiuying
        桂英:guiying 建华:jianhua 玉兰:yulan 子涵:zihan 浩然:haoran 雨桐:yutong 欣怡:xinyi 梓萱:zixuan 宇轩:yuxuan
        诗涵:shihan 佳怡:jiayi 俊杰:junjie 思远:siyuan 嘉豪:jiahao 天宇:tianyu 梦瑶:mengyao 雅琪:yaqi 晨曦:chenxi
        一鸣:yiming 若曦:ruoxi 明轩:mingxuan 海涛:haitao 春梅:chunmei 国强:guoqiang 丽华:lihua 婷婷:tingting 安然:anran
    """),
)
WESTERN = (
    _plain("""
        Smith Müller Martin García Rossi Jansen Novak Silva Kowalski Johnson Weber Dubois Fernández Bianchi Larsen
        Schmidt Brown Fischer Moreau López Romano Bakker Svoboda Costa Nowak Williams Meyer Laurent Martínez Ferrari
        Visser Dvořák Santos Wójcik Jones Wagner Simon Sánchez Horváth Pereira Becker Lefèvre Kovács Nielsen Andersson
        Popescu Taylor Lindqvist Murphy Haddad Patel Sharma Khan Tanaka Kim Nguyen Okafor Mensah Young King
    """),
    _plain("""
        Anna James Maria Thomas Sofia Daniel Emma Lucas Olivia Noah Julia Peter Laura Martin Clara David Elena Marco
        Sarah Paul Nina Felix Alice Hugo Ingrid Oscar Chloé Mathieu Camille Lars Freya Björn Astrid Zoë Giulia Matteo
        Lucía Javier Inês João Katarzyna Piotr Zuzana Tomáš Ágnes László Mariam Omar Leila Yusuf Priya Arjun Kenji
        Yuki Minji Grace Samuel Hannah Siobhán Liam
    """),
)
FIRST_CHINESE = "\u4e00"
# Domains reserved for documents and examples (RFC 2606): no mail reaches a person.
MAIL_DOMAINS = (
    "mail.example", "post.example", "example.com", "example.org", "lantian-trade.example", "huaxin-tech.example",
    "nordlicht.example", "meridian-foods.example", "xinghe-logistics.example", "harbour-capital.example",
)  # fmt: skip
# (prefix, free digits). Every number with the prefix is valid, and no contact has a prefix of the employees: a contact
# who is a colleague by chance would not count.
CHINESE_PHONES = [(f"+86{prefix}", 8) for prefix in (130, 131, 133, 135, 136, 138, 150, 158, 176, 186, 188, 199)]
OTHER_PHONES = [("+49151", 8), ("+44771", 7), ("+33612", 6), ("+39347", 7), ("+34612", 6), ("+8180", 8), ("+61412", 6)]
# Office: (share of Chinese names, IANA zone or empty for the company's, prefix of its phones, their free digits).
OFFICES = {
    "shanghai": (0.93, "", "+86139", 8),
    "singapore": (0.5, "Asia/Singapore", "+6591", 6),
    "berlin": (0.1, "Europe/Berlin", "+49175", 7),
    "new york": (0.15, "America/New_York", "+12126", 6),
}
EXECUTIVE, SALES, HUMAN_RESOURCES = "Executive Office", "Sales", "Human Resources"
# The share of the company that works in each department, most important first.
DEPARTMENTS = {
    SALES: 0.28, HUMAN_RESOURCES: 0.04, "Customer Service": 0.16, "Research and Development": 0.16, "Operations": 0.12,
    "Marketing": 0.08, "大客户部": 0.05, "Finance": 0.05, "信息技术部": 0.04, "Legal": 0.02,
}  # fmt: skip
# Departments below the head of Sales, and their offices.
REGIONS = (
    ("Sales China", "shanghai"), ("Sales Europe", "berlin"), ("Sales Americas", "new york"),
    ("Sales Asia-Pacific", "singapore"),
)  # fmt: skip
# The identities of a person: 1.4 on average.
IDENTITY_KINDS = (
    [["phone"]] * 5 + [["handle"]] * 3 + [["email"]] * 3 + [["phone", "handle"]] * 2 + [["phone", "email"]] * 2
    + [["phone", "email", "handle"]]
)  # fmt: skip


def draw_name(rng: Random, chinese_share: float) -> tuple[str, str, str]:
    """The full name, and the given and the family name in ASCII."""
    chinese = rng.random() < chinese_share
    # The power moves the draw to the front of the list.
    family, given = (words[int(len(words) * rng.random() ** 1.5)] for words in (CHINESE if chinese else WESTERN))
    return family[0] + given[0] if chinese else f"{given[0]} {family[0]}", given[1], family[1]


def draw_outsider(rng: Random) -> tuple[str, list[tuple[str, str]]]:
    """The name of a person outside the company, and the identities as (kind, value), spelled as `normalise` does."""
    name, given, family = draw_name(rng, 0.8)
    identities = []
    for kind in rng.choice(IDENTITY_KINDS):
        if kind == "phone":
            prefix, digits = rng.choice(CHINESE_PHONES if name >= FIRST_CHINESE else OTHER_PHONES)
            value = f"{prefix}{int(rng.random() * 10**digits):0{digits}}"
        elif kind == "email":
            value = f"{given}.{family}{int(rng.random() * 10_000)}@{rng.choice(MAIL_DOMAINS)}"
        else:
            value = f"{given}{family[0]}_{int(rng.random() * 100_000):05}"
        identities.append((kind, value))
    return name, identities
