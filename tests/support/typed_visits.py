"""What a doctor types on the sheet of a visit, by the names of its fields. Nobody of these people exists."""

from __future__ import annotations

#: Well filled: all that the rules of the house ask of a visit that no insurance pays.
TYPED = {
    "ho_ten": "Nguyễn Thị Thử", "ngay_sinh": "02/03/1980", "gioi_tinh": "2", "cccd": "052180001234",
    "dien_thoai": "0905123456", "dan_toc": "01", "nghe": "61", "tinh": "52", "xa": "21583", "dia_chi": "12 Lê Lợi",
    "can_nang": "52,5", "ly_do": "Ho, sốt", "benh_chinh": "j209", "chan_doan": "Viêm phế quản cấp",
    "benh_kem": "I10; K29.7", "xu_tri": "Kê đơn", "ket_qua": "2", "loi_dan": "Uống nhiều nước", "tai_kham": "5",
    "dich_vu": "Khám Nội", "ma_dich_vu": "02.1896", "gia_dich_vu": "150000", "ma_bac_si": "001234/GL-GPHN",
    "thuoc-1-ten": "Paracetamol", "thuoc-1-ma": "40.48", "thuoc-1-ham_luong": "500mg", "thuoc-1-don_vi": "Viên",
    "thuoc-1-duong": "1.01", "thuoc-1-moi_lan": "1", "thuoc-1-lan": "3", "thuoc-1-ngay": "5", "thuoc-1-gia": "500",
    "thuoc-1-so_dk": "VD-90001-19", "thuoc-2-duong": "1.01",
}  # fmt: skip
MOVED = {
    "chuyen": "1", "noi_den": "52001", "so_giay": "12/2026", "ly_do_chuyen": "2", "dau_hieu": "Khó thở",
    "benh_ly": "Ho ba ngày", "can_lam_sang": "Chưa làm", "tinh_trang": "Tỉnh", "huong": "Nhập viện",
    "phuong_tien": "Xe cứu thương", "nguoi_ho_tong": "Lê Văn Hộ", "chuc_danh": "Điều dưỡng",
}  # fmt: skip
