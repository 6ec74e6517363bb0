//! The registers that tax numbers belong to.

use crate::kit::text_enum;

text_enum! {
    /// The register that a tax number is of: the country and the local name of the number.
    pub enum TaxIdFormat {
        /// NRT of AD.
        AdNrt = "ad_nrt",
        /// TRN of AE.
        AeTrn = "ae_trn",
        /// CUIT of AR.
        ArCuit = "ar_cuit",
        /// ABN of AU.
        AuAbn = "au_abn",
        /// ARN of AU.
        AuArn = "au_arn",
        /// UIC of BG.
        BgUic = "bg_uic",
        /// VAT of BH.
        BhVat = "bh_vat",
        /// TIN of BO.
        BoTin = "bo_tin",
        /// CNPJ of BR.
        BrCnpj = "br_cnpj",
        /// CPF of BR.
        BrCpf = "br_cpf",
        /// BN of CA.
        CaBn = "ca_bn",
        /// GST HST of CA.
        CaGstHst = "ca_gst_hst",
        /// PST BC of CA.
        CaPstBc = "ca_pst_bc",
        /// PST MB of CA.
        CaPstMb = "ca_pst_mb",
        /// PST SK of CA.
        CaPstSk = "ca_pst_sk",
        /// QST of CA.
        CaQst = "ca_qst",
        /// UID of CH.
        ChUid = "ch_uid",
        /// VAT of CH.
        ChVat = "ch_vat",
        /// TIN of CL.
        ClTin = "cl_tin",
        /// TIN of CN.
        CnTin = "cn_tin",
        /// NIT of CO.
        CoNit = "co_nit",
        /// TIN of CR.
        CrTin = "cr_tin",
        /// STN of DE.
        DeStn = "de_stn",
        /// RCN of DO.
        DoRcn = "do_rcn",
        /// RUC of EC.
        EcRuc = "ec_ruc",
        /// TIN of EG.
        EgTin = "eg_tin",
        /// CIF of ES.
        EsCif = "es_cif",
        /// OSS VAT of the European Union.
        EuOssVat = "eu_oss_vat",
        /// VAT of the European Union.
        EuVat = "eu_vat",
        /// VAT of GB.
        GbVat = "gb_vat",
        /// VAT of GE.
        GeVat = "ge_vat",
        /// BR of HK.
        HkBr = "hk_br",
        /// OIB of HR.
        HrOib = "hr_oib",
        /// TIN of HU.
        HuTin = "hu_tin",
        /// NPWP of ID.
        IdNpwp = "id_npwp",
        /// VAT of IL.
        IlVat = "il_vat",
        /// GST of IN.
        InGst = "in_gst",
        /// VAT of IS.
        IsVat = "is_vat",
        /// CN of JP.
        JpCn = "jp_cn",
        /// RN of JP.
        JpRn = "jp_rn",
        /// TRN of JP.
        JpTrn = "jp_trn",
        /// PIN of KE.
        KePin = "ke_pin",
        /// BRN of KR.
        KrBrn = "kr_brn",
        /// BIN of KZ.
        KzBin = "kz_bin",
        /// UID of LI.
        LiUid = "li_uid",
        /// RFC of MX.
        MxRfc = "mx_rfc",
        /// FRP of MY.
        MyFrp = "my_frp",
        /// ITN of MY.
        MyItn = "my_itn",
        /// SST of MY.
        MySst = "my_sst",
        /// TIN of NG.
        NgTin = "ng_tin",
        /// VAT of NO.
        NoVat = "no_vat",
        /// VOEC of NO.
        NoVoec = "no_voec",
        /// GST of NZ.
        NzGst = "nz_gst",
        /// VAT of OM.
        OmVat = "om_vat",
        /// RUC of PE.
        PeRuc = "pe_ruc",
        /// TIN of PH.
        PhTin = "ph_tin",
        /// TIN of RO.
        RoTin = "ro_tin",
        /// PIB of RS.
        RsPib = "rs_pib",
        /// INN of RU.
        RuInn = "ru_inn",
        /// KPP of RU.
        RuKpp = "ru_kpp",
        /// VAT of SA.
        SaVat = "sa_vat",
        /// GST of SG.
        SgGst = "sg_gst",
        /// UEN of SG.
        SgUen = "sg_uen",
        /// TIN of SI.
        SiTin = "si_tin",
        /// NIT of SV.
        SvNit = "sv_nit",
        /// VAT of TH.
        ThVat = "th_vat",
        /// TIN of TR.
        TrTin = "tr_tin",
        /// VAT of TW.
        TwVat = "tw_vat",
        /// VAT of UA.
        UaVat = "ua_vat",
        /// EIN of US.
        UsEin = "us_ein",
        /// RUC of UY.
        UyRuc = "uy_ruc",
        /// RIF of VE.
        VeRif = "ve_rif",
        /// TIN of VN.
        VnTin = "vn_tin",
        /// VAT of ZA.
        ZaVat = "za_vat",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_74_registers_in_alphabetical_order() {
        assert_eq!(TaxIdFormat::ALL.len(), 74);
        assert!(TaxIdFormat::TEXTS.is_sorted());
    }
}
